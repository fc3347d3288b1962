import { connect } from "node:net";
import type { Random } from "../../../../packages/testkit/src/random.js";

/** A request as raw bytes. */
export interface RawRequest {
  /** Each character is a byte (Latin-1). */
  readonly text: string;
  /** The address that the trusted proxy wrote into it. */
  readonly address: string;
  /** True if the sender leaves without an answer. */
  readonly leaves: boolean;
  /** Milliseconds that the sender waits for an answer. A server waits for an announced body, perhaps in vain. */
  readonly patienceMs: number;
}

const METHODS = [
  ...[
    "GET",
    "GET",
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "QUERY",
  ],
  ...["M-SEARCH", "get", "FOO", "G E T", "", "GET\0", "\xff"],
] as const;

const TARGETS = [
  ...["/", "/", "/a?b=c", "*", "", "//", "/../..", "/%zz", "/%00", "/\xe9", "/a\tb", "/a#b", "/?%", "/a b"],
  ...["http://example.com/", "http://[::1]:99999/", "example.com:443", "/\\", "/__proto__", `/${"x".repeat(9_000)}`],
] as const;

const VERSIONS = [
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/2.0",
  "HTTP/1.1 ",
  "http/1.1",
  "",
] as const;

const HOSTS = [
  "127.0.0.1",
  "example.com",
  "",
  "[::1]",
  "a b",
  "\xe9",
  "a:b:c",
  "x".repeat(500),
  "%",
  "a/../b",
] as const;

const ADDRESSES = [
  ...[
    "192.0.2.1",
    "192.0.2.1:80",
    "::1",
    "[2001:db8::1]:443",
    "2001:db8::1",
    "::ffff:192.0.2.1",
    "fe80::1%eth0",
    "unix",
  ],
  ...["unknown", "_hidden", "", " ", ",", ",,,,", "999.1.1.1", "1.2.3", "1.2.3.4.5", "0x7f.1", "127.0.0.1", '"', "\\"],
  ...[
    "[",
    "]",
    "[]",
    ":",
    "::",
    ":::",
    "%",
    "for=",
    "1.2.3.4:",
    "1.2.3.4:x",
    "[::1",
    "::1]",
    "__proto__",
    "x".repeat(300),
  ],
] as const;

const FORWARDED = [
  ...[
    "for=192.0.2.1",
    'for="[2001:db8::1]:443"',
    "for=_x;by=_y;proto=http",
    "For=1.2.3.4, for=5.6.7.8",
    'for="',
    "for",
  ],
  ...[
    "=",
    ";",
    ";;;",
    "for=;for=",
    'for="\\"\\\\"',
    "for=unknown",
    "for=[::1]",
    'for="a,b"',
    "for = 1.2.3.4",
    "\xff\xfe",
  ],
] as const;

const KEYS = [
  ...[
    "1",
    "1",
    "2",
    '"quoted"',
    "",
    " ",
    ",",
    "\xe9",
    "x".repeat(4_000),
    "__proto__",
    "#",
    "{}",
    "a, b",
    "\t",
    "null",
    "[]",
  ],
] as const;

const FIELDS = [
  ...[
    "RateLimit",
    "X-RateLimit-Remaining",
    "Retry-After",
    "Access-Control-Request-Method",
    "Origin",
    "Cookie",
    "Expect",
  ],
  ...[
    "X-Real-IP",
    "CF-Connecting-IP",
    "Via",
    "Upgrade",
    "__proto__",
    "constructor",
    "Content-Type",
    "Accept",
    "TE",
    "x-client",
  ],
] as const;

const VALUES = [
  ...[
    "",
    "1",
    "GET",
    "*/*",
    "application/json",
    "100-continue",
    "websocket",
    "\xe9\xfc",
    "a".repeat(5_000),
    "x, y",
    "\t",
  ],
  ...["'; DROP TABLE", "%00", "\x7f", "${x}", "{}", "gzip;q=9"],
] as const;

/** Lines that are not valid header fields. */
const BROKEN_LINES = [
  "no colon",
  ": no name",
  "bad name: 1",
  "nul: \0",
  " folded",
  "cr: a\rb",
  "Host: twice",
  "\xff: 1",
] as const;

const BODIES = ["", "", "", "{}", '{"a":1}', "[", "null", "x".repeat(2_000), "\0\xff"] as const;

/** Returns an address in the form of the Forwarded field (RFC 7239, section 6). */
function nodeOf(address: string): string {
  return address.includes(":") ? `"[${address}]"` : address;
}

/** Creates a usual request from a client behind a proxy. */
export function usualRequest(method: string, address: string, key = ""): RawRequest {
  const lines = [`${method} / HTTP/1.1`, "Host: 127.0.0.1", "Connection: close"];
  lines.push(`X-Forwarded-For: ${address}`, `Forwarded: for=${nodeOf(address)}`);
  if (key !== "") lines.push(`Idempotency-Key: ${key}`);
  return { text: `${lines.join("\r\n")}\r\n\r\n`, address, leaves: false, patienceMs: 10_000 };
}

/** Creates a request that is odd in some ways, from a client behind a trusted proxy. */
export function rawRequest(random: Random, addresses: readonly [string, ...string[]]): RawRequest {
  // Most requests are odd in only one or two ways, so that many reach the middleware.
  const odd = random.pick([0.02, 0.1, 0.3]);
  const maybe: Maybe = (usual, all) => (random.chance(odd) ? random.pick(all) : usual);
  const address = random.pick(addresses);
  const method = random.chance(0.6) ? random.pick(METHODS) : "GET";
  const lines = [
    `${method} ${maybe("/", TARGETS)} ${maybe("HTTP/1.1", VERSIONS)}`,
    `Host: ${maybe("127.0.0.1", HOSTS)}`,
    "Connection: close",
  ];
  const some = (field: string, values: readonly [string, ...string[]]): void => {
    while (random.chance(0.3)) lines.push(`${field}: ${random.pick(values)}`);
  };
  some("Idempotency-Key", KEYS);
  while (random.chance(odd * 2)) lines.push(`${random.pick(FIELDS)}: ${random.pick(VALUES)}`);
  while (random.chance(odd / 3)) lines.push(random.pick(BROKEN_LINES));
  if (random.chance(odd / 10)) lines.push(...Array.from({ length: 3_000 }, (_, i) => `x-${i}: 1`));

  // The client's own entries, followed by the proxy's, in the same field or in another one.
  const own = random.chance(0.5) ? [] : Array.from({ length: 1 + random.below(5) }, () => random.pick(ADDRESSES));
  if (random.chance(0.5)) lines.push(`X-Forwarded-For: ${[...own, address].join(", ")}`);
  else lines.push(...own.map((text) => `X-Forwarded-For: ${text}`), `x-forwarded-for: ${address}`);
  some("Forwarded", FORWARDED);
  lines.push(`Forwarded: for=${nodeOf(address)}`);

  const body = method === "GET" ? "" : random.pick(BODIES);
  const end = random.chance(0.3) ? chunked(body, maybe) : counted(body, maybe);
  const text = [...lines, ...end].join("\r\n");
  const leaves = random.chance(0.02);
  const sent = random.chance(odd / 5) ? text.slice(0, random.below(text.length)) : text;
  return { text: sent, address, leaves: leaves || sent !== text, patienceMs: 50 };
}

type Maybe = <T>(usual: T, all: readonly [T, ...T[]]) => T;

/** Returns the last lines of a request, with its body in chunks. */
function chunked(body: string, maybe: Maybe): readonly string[] {
  const size = maybe(body.length.toString(16), ["zz", "-1", "ffffffffffffffff", ""]);
  return ["Transfer-Encoding: chunked", "", ...(body === "" ? [] : [size, body]), "0", "", ""];
}

function counted(body: string, maybe: Maybe): readonly string[] {
  const length = maybe(String(body.length), ["x", "-1", "0", "99", "1, 2"]);
  return [...(body === "" ? [] : [`Content-Length: ${length}`]), "", body];
}

/** Returns a field of a request, with its lines joined as by Node.js. `undefined` if there is none. */
export function fieldIn({ text }: RawRequest, name: string): string | undefined {
  const [head = ""] = text.split("\r\n\r\n", 1);
  const values = head.split("\r\n").flatMap((line) => {
    const colon = line.indexOf(":");
    return line.slice(0, colon).toLowerCase() === name ? [line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")] : [];
  });
  return values.length === 0 ? undefined : values.join(", ");
}

/** An answer to a raw request. */
export interface RawAnswer {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends a request on a new connection. Resolves to `undefined` if no answer arrives. */
export function send(
  { url }: { readonly url: string },
  { text, leaves, patienceMs }: RawRequest,
): Promise<RawAnswer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let received = "";
    const end = (): void => {
      socket.destroy();
      resolve(answerIn(received));
    };
    socket.setTimeout(patienceMs, end);
    socket.on("data", (data) => {
      received += data.toString("latin1");
    });
    socket.on("error", end);
    socket.on("end", end);
    socket.on("connect", () => socket.write(text, "latin1", () => leaves && end()));
  });
}

function answerIn(received: string): RawAnswer | undefined {
  const final = received.replace(/^(?:HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n)+/, "");
  const [, status, head = "", body = ""] =
    /^HTTP\/1\.1 (\d{3})[^\r]*\r\n([\s\S]*?\r\n)\r\n([\s\S]*)$/.exec(final) ?? [];
  if (status === undefined) return undefined;
  const fields = head.split("\r\n").map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(status), fields: new Map(fields), body };
}
