import { type Admission, numberBatch, type Policy, remoteFormOf } from "@sluice/core/store";
import { redisKey } from "./keys.js";

/** A batch as the script takes it: see `decide.lua`. */
export interface EncodedBatch {
  readonly keys: readonly string[];
  readonly json: string;
}

export function encodeBatch(admissions: readonly Admission[], prefix: string): EncodedBatch {
  const { keys, policies, numbers } = numberBatch(admissions, ({ scope, key }) => redisKey(prefix, scope, key));
  return { keys, json: JSON.stringify([policies.map(encodePolicy), numbers]) };
}

function encodePolicy(policy: Policy): readonly [algorithm: string, ...numbers: number[]] {
  return [policy.algorithm, ...remoteFormOf(policy.algorithm).numbers(policy)];
}
