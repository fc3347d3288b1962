import type { Policy } from "@sluice/core";
import type { Claim } from "@sluice/core/store";

/** A claim of a sequence without its scope, because each run has a different prefix. */
export type PlainClaim = Omit<Claim, "scope">;

/**
 * One call. The calls of a lane run one after the other, on keys that no other lane uses. Lanes run concurrently. A
 * call contains everything that it needs, so that a sequence stays valid if calls are left out.
 */
export type Operation = { readonly lane: number; readonly nowMs: number } & (
  | { readonly kind: "consume" | "peek"; readonly claims: readonly PlainClaim[] }
  /** Refunds one of the lane's grants so far: the `which`-th, modulo their count. */
  | { readonly kind: "refund"; readonly which: number }
  | { readonly kind: "block"; readonly policy: Policy; readonly key: string; readonly durationMs: number }
  | { readonly kind: "reset"; readonly policy: Policy; readonly key: string }
);

/** A sequence as text, with one call per line. */
export function describeSequence(operations: readonly Operation[]): string {
  return operations.map((operation, i) => `${String(i + 1).padStart(4)}. ${describeOperation(operation)}`).join("\n");
}

function describeOperation(operation: Operation): string {
  const { kind, lane, nowMs } = operation;
  const start = `at ${nowMs} ms, lane ${lane}: ${kind}`;
  switch (kind) {
    case "refund":
      return `${start} grant ${operation.which} modulo the count of grants`;
    case "block":
      return `${start} ${JSON.stringify(operation.key)} for ${operation.durationMs} ms, ${JSON.stringify(operation.policy)}`;
    case "reset":
      return `${start} ${JSON.stringify(operation.key)}, ${JSON.stringify(operation.policy)}`;
    default:
      return `${start} ${operation.claims
        .map(({ policy, key, cost }) => `${cost} for ${JSON.stringify(key)} of ${JSON.stringify(policy)}`)
        .join(" and ")}`;
  }
}
