/** Eight groups of 16 bits. */
export type Ipv6Groups = readonly number[];

const DOT = 0x2e;
const DIGIT_0 = 0x30;

/** Returns whether `text` from `start` on is a dotted IPv4 address: four numbers up to 255 without leading zeros. */
export function isIpv4(text: string, start = 0): boolean {
  let numbers = 0;
  let digits = 0;
  let value = 0;
  for (let i = start; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0) return false;
      numbers++;
      digits = value = 0;
    } else {
      const digit = code - DIGIT_0;
      // Some parsers read a leading zero as octal, so the same text would mean two addresses.
      if (!(digit >= 0 && digit <= 9) || (digits > 0 && value === 0)) return false;
      digits++;
      value = value * 10 + digit;
      if (value > 255) return false;
    }
  }
  return numbers === 4;
}

/** Reads an IPv6 address in any spelling of RFC 4291, section 2.2, without a zone; `undefined` for anything else. */
export function parseIpv6(text: string): Ipv6Groups | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  if (tail === undefined) {
    const groups = parseGroups(head, true);
    return groups?.length === 8 ? groups : undefined;
  }
  const before = head === "" ? [] : parseGroups(head, false);
  const after = tail === "" ? [] : parseGroups(tail, true);
  if (before === undefined || after === undefined || before.length + after.length > 7) return undefined;
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else if (atEnd && i === parts.length - 1 && isIpv4(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
      groups.push(a * 256 + b, c * 256 + d);
    } else {
      return undefined;
    }
  }
  return groups;
}

/** The IPv4 address inside an IPv4-mapped one (`::ffff:0:0/96`, RFC 4291, section 2.5.5.2) in any spelling. */
export function mappedIpv4(groups: Ipv6Groups): string | undefined {
  for (let i = 0; i < 5; i++) if (groups[i] !== 0) return undefined;
  const [, , , , , marker, high = 0, low = 0] = groups;
  return marker === 0xffff ? `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` : undefined;
}

/** The groups with all bits after the first `prefix` cleared. */
export function maskIpv6(groups: Ipv6Groups, prefix: number): Ipv6Groups {
  return groups.map((group, i) => {
    const kept = Math.min(16, Math.max(0, prefix - i * 16));
    return group & (0xffff << (16 - kept));
  });
}

/** The form of RFC 5952: lower case, no leading zeros, and `::` for the first longest run of two or more zeros. */
export function formatIpv6(groups: Ipv6Groups): string {
  let longest = { start: 0, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > longest.length) longest = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (longest.length < 2) return hex.join(":");
  return `${hex.slice(0, longest.start).join(":")}::${hex.slice(longest.start + longest.length).join(":")}`;
}
