import { expect, it } from "vitest";
import { LIMIT } from "../src/limit.js";
import { suites } from "../src/suites/index.js";

/** No machine decides so often. */
const FASTEST_PER_MS = 10_000;

it("has a limit that no suite uses up on one key, however fast the machine is", async () => {
  for (const load of Object.values(suites)) {
    const { name, rounds, durationMs } = await load();
    expect([name, (rounds + 1) * durationMs * FASTEST_PER_MS < LIMIT]).toEqual([name, true]);
  }
});
