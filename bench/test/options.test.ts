import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { optionsOf } from "../src/options.js";

const known = ["memory", "redis"];

describe("the command line", () => {
  it("selects all suites if it names none, and each suite only once", () => {
    expect(optionsOf([], known).suites).toEqual(known);
    expect(optionsOf(["redis", "redis"], known).suites).toEqual(["redis"]);
  });

  it("resolves paths against the user's folder", () => {
    const from = process.env.INIT_CWD ?? ".";
    expect(optionsOf(["--json", "out.json"], known).jsonFile).toBe(resolve(from, "out.json"));
    expect(optionsOf(["--json", "/tmp/out.json"], known).jsonFile).toBe("/tmp/out.json");
  });

  it.each([
    [["postgres"], 'no suite "postgres"'],
    [["--rounds", "0"], "--rounds"],
    [["--rounds", "1.5"], "--rounds"],
    [["--fast"], "--fast"],
  ])("refuses %j", (args, message) => {
    expect(() => optionsOf(args, known)).toThrow(message);
  });
});
