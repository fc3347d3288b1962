/** Limits of {@link shrink}. */
export interface ShrinkLimits {
  readonly attempts: number;
  readonly timeMs: number;
}

/**
 * Makes a failing list smaller while it still fails, by omitting smaller and smaller parts (A. Zeller and R.
 * Hildebrandt, "Simplifying and isolating failure-inducing input", 2002). Stops at its limits. The result always fails.
 */
export async function shrink<T>(
  failing: readonly T[],
  stillFails: (items: readonly T[]) => Promise<boolean>,
  { attempts, timeMs }: ShrinkLimits,
): Promise<readonly T[]> {
  const endMs = performance.now() + timeMs;
  let smallest = failing;
  let parts = 2;
  let left = attempts;
  while (smallest.length > 1) {
    const size = Math.ceil(smallest.length / parts);
    let smaller: readonly T[] | undefined;
    for (let start = 0; start < smallest.length && smaller === undefined; start += size) {
      if (left-- <= 0 || performance.now() > endMs) return smallest;
      const rest = [...smallest.slice(0, start), ...smallest.slice(start + size)];
      if (await stillFails(rest)) smaller = rest;
    }
    if (smaller !== undefined) {
      smallest = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) {
      return smallest;
    } else {
      parts = Math.min(smallest.length, parts * 2);
    }
  }
  return smallest;
}
