import type { Denial } from "./answer.js";
import type { HeaderField } from "./headers/field.js";
import type { Settle } from "./settle.js";

/** The decision of a guard about a request. */
export interface Verdict<D extends Denial = Denial> {
  /** For the first of the guard's `properties`. */
  readonly found: unknown;
  /** For the other properties, in order. */
  readonly others: readonly unknown[] | undefined;
  /** For the response, whatever it will be: set or append each before anything else can end the response. */
  readonly fields: readonly HeaderField[];
  /** The answer, if the request does not continue. */
  readonly denial: D | undefined;
  /** To be called when the response is over, if anything waits for it. */
  readonly settle: Settle | undefined;
}

/** The outcome that a dry run would have had. */
export function dryRunField(allowed: boolean): HeaderField {
  return { name: "Sluice-Dry-Run", value: allowed ? "allowed" : "denied", append: true };
}
