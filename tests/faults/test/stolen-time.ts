import { readFileSync } from "node:fs";

/**
 * Milliseconds for which this thread could have run, and other programs had the processors. Linux counts them; elsewhere it is 0.
 * A test subtracts them from what it measured, and so needs no bound that only an idle machine keeps.
 */
export function stolenMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
