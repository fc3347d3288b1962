import { describe, expect, it } from "vitest";
import { createRateLimit, type RateLimitOptionsOf } from "../../src/http/index.js";
import { mapStore } from "./map-store.js";

type Headers = RateLimitOptionsOf<string>["headers"];

/** The fields of the first answer. A plus marks fields that are appended to a field of the same name. */
function fieldsWith(headers: Headers): string[] {
  const guard = createRateLimit<string, never>(
    mapStore(),
    undefined,
    { headers },
    {
      method: () => "GET",
      header: () => undefined,
      address: (call) => call,
    },
  );
  const verdict = guard.check("192.0.2.1");
  if (verdict === undefined || verdict instanceof Promise) throw new Error("no verdict yet");
  return verdict.fields.map(({ name, append }) => (append ? `+${name}` : name));
}

const NEWEST = ["+RateLimit-Policy", "+RateLimit"];
const LEGACY = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];
const DRAFT_6 = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

describe("the option headers", () => {
  it.each<[headers: Headers, fields: readonly string[]]>([
    [undefined, NEWEST],
    ["draft-11", NEWEST],
    ["draft-8", NEWEST],
    ["draft-7", ["+RateLimit-Policy", "RateLimit"]],
    ["draft-6", ["+RateLimit-Policy", ...DRAFT_6]],
    ["legacy", LEGACY],
    ["none", []],
    [false, []],
    [[], []],
    [
      ["legacy", "draft-8"],
      [...NEWEST, ...LEGACY],
    ],
    [["draft-7", "draft-11"], NEWEST],
    [
      ["draft-6", "draft-7"],
      ["+RateLimit-Policy", "RateLimit", ...DRAFT_6],
    ],
  ])("%j sends %j", (headers, fields) => {
    expect(fieldsWith(headers)).toEqual(fields);
  });

  it("refuses unknown forms, and lists the known ones", () => {
    const must = 'option "headers" must be "none", false or one or more of draft-11, draft-7, draft-6, legacy';
    for (const bad of ["draft-9", ["draft-11", false], ["none"], true]) {
      expect(() => fieldsWith(bad as Headers)).toThrow(must);
    }
  });
});
