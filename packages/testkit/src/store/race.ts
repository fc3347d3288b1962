import { createLimiter, type Decision, type Policy, type Store } from "@sluice/core";
import { recordCalls } from "../history/record-calls.js";
import type { RecordedCall } from "../history/recorded-call.js";
import { LONG_MS, policyOf } from "../policies.js";
import { randomFrom } from "../random.js";

const CALLERS = 8;
const CALLS = 25;
const KEYS = 3;

/** Two limits: one is restored during the race, and one is not. */
export function racePolicies(algorithm: string): readonly Policy[] {
  return [policyOf(algorithm, 12, 100, "short"), policyOf(algorithm, 60, LONG_MS, "long")];
}

/** Lets concurrent callers randomly consume, refund and reset. Returns their calls. */
export async function race(
  store: Store,
  prefix: string,
  algorithm: string,
  seed: number,
): Promise<readonly RecordedCall[]> {
  const random = randomFrom(seed);
  const policies = racePolicies(algorithm);
  const recorder = recordCalls(createLimiter({ store, prefix: `${prefix}-${algorithm}`, policies, timeout: "20s" }));
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      const refundable: Decision[] = [];
      for (let i = 0; i < CALLS; i++) {
        const key = `key ${random.below(KEYS)}`;
        const earlier = random.chance(0.2) ? refundable.shift() : undefined;
        if (earlier !== undefined) {
          await recorder.refund(earlier);
        } else if (random.chance(0.01)) {
          await recorder.reset(key);
        } else {
          const decision = await recorder.consume(key, 1 + random.below(3));
          if (decision.error !== undefined) throw decision.error;
          if (decision.allowed) refundable.push(decision);
        }
      }
    }),
  );
  return recorder.calls;
}
