import type { HttpPort } from "@sluice/core/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprintOf } from "../src/once/fingerprint.js";

interface Call {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const port: HttpPort<Call> = {
  method: ({ method = "POST" }) => method,
  target: ({ target = "/" }) => target,
  header: ({ headers = { "content-length": "100" } }, name) => headers[name],
  address: () => "192.0.2.1",
  body: ({ body }) => body,
};

const print = async (call: Call): Promise<string | undefined> => fingerprintOf(call, port);

it("a fingerprint is the method and the target if there is no body", () => {
  expect(fingerprintOf({ method: "GET", target: "/a?b=c", headers: {}, body: { from: "a parser" } }, port)).toBe(
    "GET /a?b=c",
  );
});

it("a fingerprint is the same for equal JSON, in any order of names", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
      fc.pre(typeof value === "object" && value !== null && Object.keys(value).length > 0);
      expect(await print({ body: shuffled(value) })).toBe(await print({ body: value }));
    }),
  );
});

it("a fingerprint differs for different bodies", async () => {
  const bodies = [
    "text",
    "text ",
    '{"a":1}',
    { a: 1 },
    { a: "1" },
    { a: [1] },
    { a: [1, 2] },
    { a: [2, 1] },
    { a: { b: 1 } },
    { "a.b": 1 },
    [1],
    ["1"],
    "[1]",
    Buffer.from("text"),
    Buffer.from('{"a":1}'),
    Buffer.from([0xff]),
    Buffer.from([0xef, 0xbf, 0xbd]),
    JSON.parse('{"__proto__":{"a":1}}'),
    JSON.parse('{"__proto__":{"a":2}}'),
    true,
    1,
  ];
  const prints = await Promise.all(bodies.map((body) => print({ body })));
  expect(new Set(prints).size).toBe(bodies.length);
  expect(prints).not.toContain(undefined);
});

it("a fingerprint is the same for the same bytes in any array type", async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const within = new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4);
  const all = await Promise.all([bytes, within, bytes.buffer, Buffer.from(bytes)].map((body) => print({ body })));
  expect(new Set(all).size).toBe(1);
});

describe("a fingerprint is undefined", () => {
  const circle: Record<string, unknown> = {};
  circle.circle = circle;
  it.each([
    ["for a body that was not read", {}],
    ["for the empty object that a parser leaves for other types", { body: {} }],
    ["for the same, with a chunked body", { body: {}, headers: { "transfer-encoding": "chunked" } }],
    ["for a value that JSON cannot represent", { body: circle }],
    [
      "for the fields of a form that may contain files",
      { body: { a: 1 }, headers: { "content-length": "99", "content-type": "multipart/form-data; boundary=b" } },
    ],
  ])("%s", async (_what, call) => {
    expect(await print(call)).toBeUndefined();
  });

  it("but not for the raw bytes of a form", async () => {
    const headers = { "content-length": "99", "content-type": "multipart/form-data; boundary=b" };
    expect(await print({ body: Buffer.from("--b"), headers })).toMatch(/^POST \/ [0-9a-f]{64}$/);
  });

  it("but not for the body {} itself", async () => {
    expect(await print({ body: {}, headers: { "content-length": "2" } })).toMatch(/^POST \/ [0-9a-f]{64}$/);
  });
});

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, item]) => [name, shuffled(item)]),
  );
}
