import { expect, it } from "vitest";
import { LIMIT } from "../src/limit.js";
import { suites } from "../src/suites/index.js";

/** More decisions than any machine makes. */
const FASTEST_PER_MS = 10_000;

it("uses a limit that no suite can use up on one key", async () => {
  for (const load of Object.values(suites)) {
    const { name, rounds, durationMs } = await load();
    expect([name, (rounds + 1) * durationMs * FASTEST_PER_MS < LIMIT]).toEqual([name, true]);
  }
});
