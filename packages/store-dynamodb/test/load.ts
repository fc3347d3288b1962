import type { Decision, Limiter } from "@sluice/core";

/** A decision, with its start and duration. */
export interface Timed {
  readonly decision: Decision;
  readonly startedMs: number;
  readonly tookMs: number;
}

/** Sends `perSecond` requests per second, without waiting for answers, and returns all decisions. */
export async function askAtRate(
  limiter: Limiter,
  { perSecond, forMs, keyOf }: { perSecond: number; forMs: number; keyOf: (i: number) => string },
): Promise<readonly Timed[]> {
  const asked: Promise<Timed>[] = [];
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const nowMs = performance.now();
      while (asked.length < ((Math.min(nowMs, startMs + forMs) - startMs) * perSecond) / 1_000) {
        const startedMs = performance.now();
        const i = asked.length;
        asked.push(
          limiter
            .consume(keyOf(i))
            .then((decision) => ({ decision, startedMs: startedMs - startMs, tookMs: performance.now() - startedMs })),
        );
      }
      if (nowMs < startMs + forMs) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
  return Promise.all(asked);
}

export function countOf(timed: readonly Timed[], source: Decision["source"]): number {
  return timed.filter(({ decision }) => decision.source === source).length;
}
