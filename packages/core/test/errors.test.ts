import { describe, expect, it } from "vitest";
import { SluiceError } from "../src/index.js";
import { checkOptions, type Rule } from "../src/options.js";
import { invalidOption } from "../src/store/index.js";

describe("SluiceError", () => {
  it("is an Error with a code, a cause and a message with a prefix", () => {
    const cause = new Error("socket hang up");
    const error = new SluiceError("STORE_FAILED", "the store failed", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "SluiceError",
      code: "STORE_FAILED",
      message: "[sluice] the store failed",
      cause,
    });
  });

  it.each([
    [5, "5"],
    [Number.NaN, "NaN"],
    ["text", '"text"'],
    ["a\r\nb", '"a\\r\\nb"'],
    ["x".repeat(1_000), `"${"x".repeat(40)}…"`],
    [null, "null"],
    [undefined, "undefined"],
    [Symbol("s"), "Symbol(s)"],
    [12n, "12"],
    [{ secret: "42" }, "an object"],
    [["secret"], "an array"],
    [() => "secret", "a function"],
  ])("shows the value %s on one line, and never the contents of an object", (value, shown) => {
    expect(invalidOption("limit", value, "be a number").message).toBe(
      `[sluice] option "limit" must be a number, got ${shown}`,
    );
  });
});

describe("checkOptions", () => {
  const known = { name: { characters: 8 }, limit: { min: 1 }, window: "any", failOpen: "boolean" } as const;

  it.each([
    ["limt", 'did you mean "limit"?'],
    ["Limit", 'did you mean "limit"?'],
    ["windowMs", 'write window: "1m".'],
    ["windws", 'did you mean "window"?'],
    ["failopen", 'did you mean "failOpen"?'],
    ["fail_open", 'did you mean "failOpen"?'],
    ["nmae", 'did you mean "name"?'],
    ["x", "the options are name, limit, window, failOpen"],
    ["ab", "the options are name, limit, window, failOpen"],
    ["keyGenerator", "the options are name, limit, window, failOpen"],
  ])("refuses %s: %s", (option, hint) => {
    const reject = () => checkOptions({ [option]: 1 }, known, "fixedWindow");
    expect(reject).toThrow(expect.objectContaining({ code: "UNKNOWN_OPTION" }));
    expect(reject).toThrow(`[sluice] fixedWindow has no option "${option}": ${hint}`);
  });

  it("prefers the given hint to a guess", () => {
    const reject = () => checkOptions({ limt: 1 }, known, "fixedWindow", { limt: "write it out." });
    expect(reject).toThrow('fixedWindow has no option "limt": write it out.');
  });

  it.each([null, undefined, 5, "limit", true])("refuses %j instead of an object", (options) => {
    expect(() => checkOptions(options as unknown as object, known, "fixedWindow")).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });

  it("accepts known options, no options, and undefined for any option", () => {
    checkOptions({ limit: 1, name: undefined, failOpen: undefined }, known, "fixedWindow");
    checkOptions({}, known, "fixedWindow");
  });

  const odd: Rule = { is: (value) => Number(value) % 2 === 1, must: "be odd" };
  const rules: readonly (readonly [rule: Rule, right: readonly unknown[], wrong: readonly unknown[], must: string])[] =
    [
      ["any", [null, 5, "x"], [], ""],
      ["boolean", [true, false], [null, 0, "true", {}], "be a boolean"],
      ["function", [() => {}], [null, {}, "f"], "be a function"],
      [[false, true, "marked"], [false, true, "marked"], [null, "", "Marked", 1], "be one of false, true, marked"],
      [{ min: 1 }, [1, 2 ** 53 - 1], [0, 1.5, 2 ** 53, "1", null, 1n], "be a whole number from 1 to 9007199254740991"],
      [{ min: 32, max: 128 }, [32, 128], [31, 129, Number.NaN], "be a whole number from 32 to 128"],
      [{ characters: 3 }, ["a", " ~a"], ["", "abcd", "é", "a\n", 1, null], "be 1 to 3 printable ASCII characters"],
      [odd, [1, 3], [2, null], "be odd"],
    ];
  for (const [rule, right, wrong, must] of rules) {
    it(`supports the rule ${JSON.stringify(rule)}`, () => {
      for (const value of right) checkOptions({ size: value }, { size: rule }, "make");
      for (const value of wrong) {
        const reject = () => checkOptions({ size: value }, { size: rule }, "make");
        expect(reject).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
        expect(reject).toThrow(`option "size" must ${must}, got `);
      }
    });
  }
});
