import type { Admission } from "@sluice/core/store";
import { rowKey } from "./keys.js";

/** A row counts as held for so long after another transaction was found to hold it. */
const REMEMBERED_MS = 1_000;

/** More are forgotten: they cost a wait each, as they did at first. */
const MAX_ROWS = 10_000;

/** The rows that other transactions were found to hold lately. */
export interface HeldRows {
  add(rowKey: string): void;
  /** Whether a claim of the admission is on one of them. */
  concern(admission: Admission): boolean;
}

export function createHeldRows(): HeldRows {
  const untilMs = new Map<string, number>();
  return {
    add(rowKey) {
      if (untilMs.size >= MAX_ROWS) untilMs.clear();
      untilMs.set(rowKey, performance.now() + REMEMBERED_MS);
    },
    concern({ claims }) {
      if (untilMs.size === 0) return false;
      const nowMs = performance.now();
      return claims.some(({ scope, key }) => {
        const row = rowKey(scope, key);
        const until = untilMs.get(row);
        if (until === undefined) return false;
        if (until > nowMs) return true;
        untilMs.delete(row);
        return false;
      });
    },
  };
}
