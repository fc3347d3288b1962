import { describe, expect, it } from "vitest";
import { SluiceError } from "../src/index.js";
import { invalidOption } from "../src/store/index.js";
import { rejectUnknown } from "../src/unknown-option.js";

describe("SluiceError", () => {
  it("is an Error with a code, a cause and a message that says where it comes from", () => {
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
  ])("shows the value %s on one line, and never what is in an object", (value, shown) => {
    expect(invalidOption("limit", value, "give a number").message).toBe(
      `[sluice] option "limit" is ${shown}: give a number`,
    );
  });
});

describe("rejectUnknown", () => {
  const known = ["name", "limit", "window", "failOpen"];

  it.each([
    ["limt", 'did you mean "limit"?'],
    ["Limit", 'did you mean "limit"?'],
    ["windowMs", 'did you mean "window"?'],
    ["failopen", 'did you mean "failOpen"?'],
    ["fail_open", 'did you mean "failOpen"?'],
    ["nmae", 'did you mean "name"?'],
    ["x", "the options are name, limit, window, failOpen"],
    ["ab", "the options are name, limit, window, failOpen"],
    ["keyGenerator", "the options are name, limit, window, failOpen"],
  ])("refuses %s: %s", (option, hint) => {
    const reject = () => rejectUnknown({ [option]: 1 }, known, "fixedWindow");
    expect(reject).toThrow(expect.objectContaining({ code: "UNKNOWN_OPTION" }));
    expect(reject).toThrow(`[sluice] fixedWindow has no option "${option}": ${hint}`);
  });

  it.each([null, undefined, 5, "limit", true])("refuses %j in place of an object", (options) => {
    expect(() => rejectUnknown(options as unknown as object, known, "fixedWindow")).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });

  it("takes what is known, and nothing", () => {
    rejectUnknown({ limit: 1, name: undefined }, known, "fixedWindow");
    rejectUnknown({}, known, "fixedWindow");
  });
});
