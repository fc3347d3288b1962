import { readFileSync } from "node:fs";

/**
 * Milliseconds in which this thread was ready to run, but other programs had the processors. Only Linux counts them;
 * elsewhere it is 0.
 * Tests subtract them from the times they measure, so their bounds also hold on busy machines.
 */
export function stolenMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
