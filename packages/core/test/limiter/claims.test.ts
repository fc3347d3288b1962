import { describe, expect, it } from "vitest";
import { fixedWindow, type LimiterKey } from "../../src/index.js";
import { claimMaker, claimsNamed } from "../../src/limiter/claims.js";

const minute = fixedWindow({ name: "minute", limit: 5, window: "1m" });
const hour = fixedWindow({ name: "hour", limit: 50, window: "1h" });
const both = claimMaker([minute, hour], "api");
const one = claimMaker([minute], "api");

const claim = (policy: typeof minute, key: string, cost: number) => {
  return { scope: `api:${policy.name}:fixed-window:`, key, policy, cost };
};

describe("claims", () => {
  it("cover every policy, with one key or a key for each", () => {
    expect(one.all("ada", 2)).toEqual([claim(minute, "ada", 2)]);
    expect(both.all("ada", 2)).toEqual([claim(minute, "ada", 2), claim(hour, "ada", 2)]);
    const key = { hour: "bob", minute: "ada" };
    expect(both.all(key, 2)).toEqual([claim(minute, "ada", 2), claim(hour, "bob", 2)]);
    expect(both.one(hour, key)).toEqual(claim(hour, "bob", 1));
  });

  it("are the same objects for the next call, if the store does not keep them", () => {
    const first = both.reused("ada", 2);
    expect(first).toEqual(both.all("ada", 2));
    expect(both.reused("bob", 3)).toBe(first);
    expect(first).toEqual(both.all("bob", 3));
    expect(both.all("bob", 3)).not.toBe(both.all("bob", 3));
  });

  it("cover only the policies that a key by names contains, if the caller allows it", () => {
    expect(claimsNamed(both, [minute, hour], { hour: "bob" })).toEqual([claim(hour, "bob", 1)]);
    expect(claimsNamed(both, [minute, hour], "ada")).toEqual(both.all("ada", 1));
  });

  it.each<[key: unknown, message: string]>([
    ["", "key must be a non-empty string, got an empty string"],
    [7, "key must be a non-empty string, got 7"],
    [null, "key must be a non-empty string, got null"],
    [["ada"], "key must be a non-empty string, got an array"],
    [{ minute: "ada", day: "x" }, 'the key has an unknown policy "day"; the limiter has "minute", "hour"'],
    [{ minute: "ada" }, 'key for policy "hour" must be a non-empty string, got undefined'],
    [{ minute: "", hour: "bob" }, 'key for policy "minute" must be a non-empty string, got an empty string'],
    [{ minute: "ada", hour: 7 }, 'key for policy "hour" must be a non-empty string, got 7'],
  ])("refuse the key %j", (key, message) => {
    const refused = expect.objectContaining({ code: "INVALID_KEY", message: expect.stringContaining(message) });
    expect(() => both.all(key as LimiterKey, 1)).toThrow(refused);
    expect(() => both.reused(key as LimiterKey, 1)).toThrow(refused);
  });

  it("refuse a key without a policy, even if some policies are enough", () => {
    expect(() => claimsNamed(both, [minute, hour], {})).toThrow("key must be a non-empty string, got an object");
    expect(() => claimsNamed(both, [minute, hour], "")).toThrow("got an empty string");
  });

  it("do not read inherited properties as keys", () => {
    const policy = fixedWindow({ name: "toString", limit: 1, window: 1 });
    expect(() => claimMaker([policy], "api").all({}, 1)).toThrow("got undefined");
  });
});
