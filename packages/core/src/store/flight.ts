import type { CallOptions } from "./store.js";

/** A call under way. One of the two methods has to be called once, when it has ended. */
export interface Flight {
  /** The options to make the call with. */
  readonly options: CallOptions;
  answered(): void;
  failed(error: unknown): void;
}
