import { AssertionError } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Store } from "@sluice/core";
import { describeSequence, type Operation } from "../operation.js";
import { ALGORITHMS } from "../policies.js";
import { seedOfRun } from "../random.js";
import { createReference } from "../reference.js";
import { generateSequence } from "../sequences.js";
import { isAbsent } from "./capabilities.js";
import { shrink } from "./shrink.js";
import type { SuiteContext } from "./suite-context.js";
import { createTarget } from "./target.js";

/** The number of concurrent calls. */
const LANES = 64;

/** A call whose result differs from the reference. */
interface Difference {
  readonly operation: Operation;
  readonly expected: unknown;
  readonly actual: unknown;
  /** All calls up to and including the round of the failed one. */
  readonly soFar: readonly Operation[];
}

/** The results of random calls must equal those of the reference model. */
export function differentialGroup({ test, capabilities }: SuiteContext): void {
  const { operations = 10_000, decides } = capabilities;
  const seed = seedOfRun();
  for (const algorithm of ALGORITHMS) {
    test(`${operations} random operations with ${algorithm} equal the reference, seed ${seed}`, async ({ open }) => {
      const store = await open();
      const sequence = generateSequence({
        seed,
        algorithm,
        operations,
        lanes: Math.min(LANES, operations),
        // The limiter charges the same cost to all policies.
        costsDiffer: !isAbsent(decides),
      });
      const difference = await firstDifference(store, sequence);
      if (difference !== undefined) throw await report(store, difference, algorithm, seed);
    });
  }
}

/** Runs all lanes concurrently, and the calls of each lane in order. */
async function firstDifference(store: Store, sequence: readonly Operation[]): Promise<Difference | undefined> {
  const target = createTarget(store, `testkit-${randomUUID()}`);
  const reference = createReference();
  const lanes = lanesOf(sequence);
  for (let round = 0; ; round++) {
    const calls = lanes.flatMap((lane) => lane.slice(round, round + 1));
    if (calls.length === 0) return undefined;
    const answers = await Promise.allSettled(calls.map((operation) => target.apply(operation)));
    for (const [i, operation] of calls.entries()) {
      const answer = answers[i] as PromiseSettledResult<unknown>;
      const actual = answer.status === "fulfilled" ? answer.value : answer.reason;
      const expected = target.visible(reference.apply(operation));
      if (isDeepStrictEqual(actual, expected)) continue;
      const started = new Set(lanes.flatMap((lane) => lane.slice(0, round + 1)));
      const soFar = sequence.filter((one) => started.has(one));
      return { operation, expected, actual, soFar };
    }
  }
}

async function report(store: Store, found: Difference, algorithm: string, seed: number): Promise<AssertionError> {
  const fails = async (sequence: readonly Operation[]) => (await firstDifference(store, sequence)) !== undefined;
  // Usually one lane alone reproduces the failure. Otherwise several lanes are needed.
  const alone = found.soFar.filter(({ lane }) => lane === found.operation.lane);
  const start = (await fails(alone)) ? alone : found.soFar;
  const smallest = await shrink(start, fails, { attempts: 2_000, timeMs: 15_000 });
  // The failure may not occur each time. If a run passes, the first difference is reported.
  const { actual, expected, operation, soFar } = (await firstDifference(store, smallest)) ?? found;
  return new AssertionError({
    message: [
      `${algorithm}: the answer differs from the reference model's. Run again with SLUICE_SEED=${seed}.`,
      `The smallest failing sequence found (${soFar.length} calls; the difference is at call ${soFar.indexOf(operation) + 1}):`,
      describeSequence(soFar),
      `expected ${JSON.stringify(expected)}`,
      `actual   ${actual instanceof Error ? String(actual) : JSON.stringify(actual)}`,
    ].join("\n"),
    actual,
    expected,
    operator: "deepStrictEqual",
  });
}

function lanesOf(sequence: readonly Operation[]): readonly (readonly Operation[])[] {
  const lanes = new Map<number, Operation[]>();
  for (const operation of sequence) {
    const lane = lanes.get(operation.lane);
    if (lane === undefined) lanes.set(operation.lane, [operation]);
    else lane.push(operation);
  }
  return [...lanes.values()];
}
