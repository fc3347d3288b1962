import { splitEntryKey } from "@sluice/core/store";
import { isLedger, mergeLedger } from "./ledger.js";
import type { Merge } from "./merge.js";
import { mergeLimitOf } from "./merge-limits.js";
import { mergeRecordOf } from "./merge-records.js";

/** How entries under a key are merged. Of state that nobody here knows, what is there stays. */
export function mergeOf(entryKey: string): Merge {
  if (isLedger(entryKey)) return mergeLedger;
  const [, name = "", algorithm = ""] = splitEntryKey(entryKey).scope.split(":");
  const merge = algorithm === "record" ? mergeRecordOf(name) : mergeLimitOf(algorithm);
  return merge ?? (() => undefined);
}
