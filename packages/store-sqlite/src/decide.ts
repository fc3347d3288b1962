import { type Admission, builtInAlgorithms, decideEntries, type Entry, type Outcome } from "@sluice/core/store";
import { keys, rowKey } from "./keys.js";
import type { View } from "./view.js";

/** With an explicit time entries are kept so much longer, by this process's clock. */
const TEST_GRACE_MS = 3_600_000;

/** When an entry expires that is to live for so long. */
export function expiryOf(view: View, ttlMs: number, nowMs: number | undefined): number {
  return view.nowMs + Math.max(1, ttlMs) + (nowMs === undefined ? 0 : TEST_GRACE_MS);
}

/** The call that decides an admission, at the time given or by this process's clock. */
export function decideCall({ claims, charge }: Admission, nowMs: number | undefined): (view: View) => Outcome {
  const rowKeys = claims.map(({ scope, key }) => rowKey(keys.of(scope, key)));
  return (view) => {
    const entries = rowKeys.map((key) => view.read(key) as Entry | undefined);
    const { outcome, writes } = decideEntries({ claims, charge }, entries, builtInAlgorithms, nowMs ?? view.nowMs);
    const isCharge = outcome.allowed && charge;
    writes.forEach((next, i) => {
      if (next === undefined) return;
      const key = rowKeys[i] as string;
      const expiresMs = expiryOf(view, next.ttlMs, nowMs);
      if (isCharge) view.write(key, next.state, expiresMs);
      else view.repair(key, next.state, expiresMs);
    });
    return outcome;
  };
}
