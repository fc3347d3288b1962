/** Allows an act at most `count` times in each `periodMs`, and returns whether it may be done now. */
export function createAllowance(count: number, periodMs: number): () => boolean {
  let startMs = Number.NEGATIVE_INFINITY;
  let used = 0;
  return () => {
    const nowMs = performance.now();
    if (nowMs - startMs > periodMs) {
      startMs = nowMs;
      used = 0;
    }
    return used++ < count;
  };
}

/** Read-only connections are closed no faster than all of a client's in so much time: the only server may be read-only. */
export const READ_ONLY_PERIOD_MS = 1_000;
