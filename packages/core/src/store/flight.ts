import type { SluiceError } from "../errors.js";
import type { CallOptions, Claim } from "./store.js";

/** A call under way. One of the two methods has to be called once, when it has ended. */
export interface Flight {
  /** The options to make the call with. */
  readonly options: CallOptions;
  answered(): void;
  failed(error: unknown): void;
}

/**
 * Notes that a decision of the store leaves, for a limiter that notes its end, too, also after the deadline: that costs less
 * than to decide through the breaker. `nowMs` is a time of `performance.now()`. Throws `STORE_BREAKER_OPEN`.
 */
export type Leave = (claims: readonly Claim[], options: CallOptions, nowMs: number) => Flight;

/**
 * The reason why the store must not be asked, while its circuit breaker is open: the error that asking would throw. `undefined`
 * if it may be asked, or only asking can tell.
 *
 * @param storeDecides false if the limiter decides in its process, whose entries have other keys
 */
export type Refusal = (claims: readonly Claim[], calls: CallOptions, storeDecides: boolean) => SluiceError | undefined;
