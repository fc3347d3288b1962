import type { Admission, Policy } from "@sluice/core";
import { redisKey } from "./keys.js";

/** A batch as the script takes it: see `decide.lua`. */
export interface EncodedBatch {
  readonly keys: readonly string[];
  readonly json: string;
}

/** The place of each distinct thing in the order of its first use, from 1 as Lua counts. */
function numbering<T>(): { of(thing: T): number; readonly things: readonly T[] } {
  const numbers = new Map<T, number>();
  const things: T[] = [];
  return {
    things,
    of(thing) {
      let number = numbers.get(thing);
      if (number === undefined) {
        number = things.push(thing);
        numbers.set(thing, number);
      }
      return number;
    },
  };
}

export function encodeBatch(admissions: readonly Admission[], prefix: string): EncodedBatch {
  const keys = numbering<string>();
  const policies = numbering<Policy>();
  const numbers: number[] = [];
  for (const { claims, charge } of admissions) {
    numbers.push(charge ? 1 : 0, claims.length);
    for (const { scope, key, policy, cost } of claims) {
      numbers.push(keys.of(redisKey(prefix, scope, key)), policies.of(policy), cost);
    }
  }
  return { keys: keys.things, json: JSON.stringify([policies.things.map(numbersOf), numbers]) };
}

/** A policy's algorithm and the numbers that its Lua half reads. */
function numbersOf(policy: Policy): readonly (string | number)[] {
  const { algorithm, rate, intervalMs, burst, limit, windowMs } = policy as Policy & Record<string, number>;
  const numbers = algorithm === "token-bucket" ? [rate, intervalMs, burst] : [limit, windowMs];
  return [algorithm, ...(numbers as number[])];
}
