import type { Policy, Quota } from "@sluice/core";
import { builtInAlgorithms } from "@sluice/core/store";
import type { Operation, PlainClaim } from "./operation.js";
import { ALGORITHMS, awkwardPolicy } from "./policies.js";
import { type Random, randomFrom } from "./random.js";
import { createReference } from "./reference.js";

/** Options of {@link generateSequence}. */
export interface SequenceOptions {
  readonly seed: number;
  /** The algorithm that every decision uses. Claims of other algorithms are mixed in. */
  readonly algorithm: string;
  readonly operations: number;
  readonly lanes: number;
  /** True if the claims of an admission may have different costs. */
  readonly costsDiffer: boolean;
}

const QUARTER_MS = 7_776_000_000;

/** The long steps of a clock, as if somebody set it: an hour, a day, ten days, or a year. */
const LONG_STEPS_MS = [3_600_000, 86_400_000, 864_000_000, 31_536_000_000] as const;

/** The latest time that a clock may reach, so that algorithms stay exact to the millisecond. */
const LATEST_MS = 2 ** 44;

/** A random sequence of calls, the same for the same options. */
export function generateSequence({ seed, algorithm, operations, lanes, costsDiffer }: SequenceOptions): Operation[] {
  const random = randomFrom(seed);
  const groups: Lane[][] = [];
  for (let lane = 0; lane < lanes; ) {
    // Lanes with the same time let a store send their calls together. Lanes with different times reach more edge cases.
    const size = Math.min(lanes - lane, lane < lanes / 2 ? GROUP : 1);
    const time = { nowMs: random.pick([0, 5_000, 1_700_000_000_000 + random.below(1_000_000_000)]) };
    groups.push(Array.from({ length: size }, () => createLane(random, lane++, algorithm, costsDiffer, time)));
  }
  const made: Operation[] = [];
  for (let round = 0; made.length < operations; round++) {
    for (const group of groups) {
      (group[round % group.length] as Lane).moveClock();
      made.push(...group.map((lane) => lane.next()));
    }
  }
  return made.slice(0, operations);
}

/** Lanes that share a clock. */
const GROUP = 8;

interface Lane {
  moveClock(): void;
  next(): Operation;
}

function createLane(
  random: Random,
  lane: number,
  algorithm: string,
  costsDiffer: boolean,
  time: { nowMs: number },
): Lane {
  const names = ["a", "b", "c"].slice(0, 1 + random.below(3));
  const algorithms = names.map((_, i) => (i === 0 ? algorithm : random.pick(ALGORITHMS)));
  const policies = names.map((name, i) => awkwardPolicy(random, algorithms[i] as string, name));
  const keys = [`lane-${lane}`, `lane-${lane}:other`] as const;
  const reference = createReference();
  /** The waits that the last decision reported. Something changes after each of them. */
  let waitsMs: readonly number[] = [];

  function quotaOf(policy: Policy): Quota {
    return builtInAlgorithms.get(policy.algorithm)?.quota(policy) ?? { limit: 1, windowMs: 1 };
  }

  function moveClock(): void {
    const { windowMs } = quotaOf(policies[0] as Policy);
    const waitMs = waitsMs[random.below(waitsMs.length)] ?? 0;
    const stepMs = random.pick([
      0,
      0,
      0,
      1,
      random.below(20),
      waitMs,
      waitMs,
      waitMs - 1,
      random.below(windowMs + 1),
      random.below(Math.ceil(windowMs / 8)),
      random.pick([windowMs - 1, windowMs, windowMs + 1, 2 * windowMs - 1, 2 * windowMs]),
      random.pick([-1, -random.below(windowMs + 1), -windowMs, -3 * windowMs]),
      random.pick(LONG_STEPS_MS) * random.pick([1, 1, -1]),
    ]);
    if (time.nowMs + stepMs >= 0 && time.nowMs + stepMs <= LATEST_MS) time.nowMs += stepMs;
  }

  function cost(policy: Policy): number {
    const { limit } = quotaOf(policy);
    if (random.chance(0.5)) return 1;
    if (random.chance(0.02)) return Number.MAX_SAFE_INTEGER;
    return random.pick([2, 3, 1 + random.below(limit), 1 + random.below(Math.ceil(limit / 4)), limit, limit + 1]);
  }

  function claims(): PlainClaim[] {
    const used = policies.filter((_, i) => i === 0 || random.chance(0.5));
    const common = cost(random.pick([policies[0] as Policy, ...used]));
    return used.map((policy) => ({
      policy,
      key: random.chance(0.9) ? keys[0] : keys[1],
      cost: costsDiffer && random.chance(0.3) ? cost(policy) : common,
    }));
  }

  function operation(): Operation {
    const { nowMs } = time;
    const target = { lane, nowMs, policy: random.pick(policies as [Policy, ...Policy[]]), key: random.pick(keys) };
    if (random.chance(0.06)) return { lane, nowMs, kind: "refund", which: random.below(1_000) };
    if (random.chance(0.02)) return { kind: "block", ...target, durationMs: random.pick([1, 40, 5_000, QUARTER_MS]) };
    if (random.chance(0.02)) return { kind: "reset", ...target };
    return { lane, nowMs, kind: random.chance(0.1) ? "peek" : "consume", claims: claims() };
  }

  return {
    moveClock,
    next() {
      if (random.chance(0.02)) {
        const i = random.below(policies.length);
        policies[i] = awkwardPolicy(random, algorithms[i] as string, names[i] as string);
      }
      const made = operation();
      const seen = reference.apply(made);
      if (typeof seen === "object") {
        waitsMs = seen.findings.flatMap(({ retryAfterMs = 0, resetAfterMs }) => [retryAfterMs, resetAfterMs]);
      }
      return made;
    },
  };
}
