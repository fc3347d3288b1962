import type { SluiceError } from "../errors.js";
import type { CallOptions, Claim } from "./store.js";

/** A call under way. When it ends, one of the two methods has to be called once. */
export interface Flight {
  /** The options to make the call with. */
  readonly options: CallOptions;
  answered(): void;
  failed(error: unknown): void;
}

/**
 * Notes that a decision is sent to the store. For a limiter that also notes its end, even after the deadline: this is
 * cheaper than deciding through the breaker. `nowMs` is a time of `performance.now()`. Throws `STORE_BREAKER_OPEN`.
 */
export type Leave = (claims: readonly Claim[], options: CallOptions, nowMs: number) => Flight;

/**
 * The reason why the store must not be called while its circuit breaker is open: the error that a call would throw.
 * `undefined` if it may be called, or if only a call can show it.
 *
 * @param storeDecides false if the limiter decides in its process: its entries then have other keys
 */
export type Refusal = (claims: readonly Claim[], calls: CallOptions, storeDecides: boolean) => SluiceError | undefined;
