/** A member of a field that is a list or dictionary (RFC 9651, sections 3.1 and 3.2). */
export interface Member {
  /** The name in a dictionary, in lower case. */
  readonly name: string | undefined;
  /** Its value as text, a String without its quotes. */
  readonly value: string;
  /** The value as written. A String keeps its quotes, so that `"5"` is not 5. */
  readonly bare: string;
  /** The parameters: values as written, by name in lower case. */
  readonly params: ReadonlyMap<string, string>;
}

/** Longer fields are not read. */
const MAX_LENGTH = 8_192;

const KEY = "[A-Za-z*][\\w.*-]*";
const EQUALS = "[ \\t]*=[ \\t]*";
const BARE = '"(?:[^"\\\\]|\\\\.)*"|:[A-Za-z0-9+/=]*:|[^\\s";,=]+';
const MEMBER = new RegExp(
  `[ \\t]*(?:(?:(${KEY})${EQUALS})?(${BARE})((?:[ \\t]*;[ \\t]*${KEY}(?:${EQUALS}(?:${BARE}))?)*))?[ \\t]*(,|$)`,
  "y",
);
const PARAM = new RegExp(`;[ \\t]*(${KEY})(?:${EQUALS}(${BARE}))?`, "g");

/**
 * The members of a field, or `undefined` if it can't be read: the field then counts as absent. Accepts more than the
 * standard allows: empty elements, spaces around `=`, and names in upper case.
 */
export function readMembers(field: string): readonly Member[] | undefined {
  if (field.length > MAX_LENGTH) return undefined;
  const members: Member[] = [];
  MEMBER.lastIndex = 0;
  for (;;) {
    const [found, name, value, params = "", end] = MEMBER.exec(field) ?? [];
    if (found === undefined) return undefined;
    if (value !== undefined) {
      const pairs = [...params.matchAll(PARAM)].map(([, key = "", bare = ""]) => [key.toLowerCase(), bare] as const);
      members.push({ name: name?.toLowerCase(), value: textOf(value), bare: value, params: new Map(pairs) });
    }
    if (end === "") return members;
  }
}

function textOf(bare: string): string {
  if (bare.startsWith('"')) return bare.slice(1, -1).replace(/\\(.)/g, "$1");
  return bare.startsWith(":") ? bare.slice(1, -1) : bare;
}
