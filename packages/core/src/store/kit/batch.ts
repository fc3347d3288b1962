import type { SluiceError } from "../../errors.js";
import type { Admission, Claim, Outcome } from "../store.js";

/** Admissions with the same time and place, as a database takes them. */
export interface Batch {
  /** The stored keys of the entries, each once. */
  readonly keys: readonly string[];
  /** For each of them, the algorithm of its state. */
  readonly algorithms: readonly string[];
  /** `number` names the algorithm: see `RemoteForm.number`. */
  readonly policies: readonly {
    readonly algorithm: string;
    readonly number: number;
    readonly numbers: readonly number[];
  }[];
  /** See `NumberedBatch.numbers`. */
  readonly numbers: readonly number[];
  /** The explicit time of a test; `undefined` for the database's clock. */
  readonly nowMs: number | undefined;
  /** The place of the entries, if there are several places. */
  readonly place: string | undefined;
  readonly queue: string;
}

/**
 * Why something was not decided. Nothing has run: it may be asked again at once (`"again"`), in the places that are known by
 * now (`"moved"`), or must be decided claim by claim, by compare-and-set (`"apart"`).
 */
export type NotRun = "again" | "moved" | "apart";

/** The reply to a batch. */
export interface BatchReply<Undecided> {
  /**
   * For each admission a verdict, and the numbers that `readOutcome` reads: 1 if all claims fit, 0 if not, -1 with no further
   * numbers for state that can't be read. The time of the decision stands before the first verdict, or before each.
   */
  readonly numbers: readonly number[];
  /** The meaning of any other verdict. `next` reads the numbers that follow it. */
  otherwise?(verdict: number, next: () => number): SluiceError | NotRun | Undecided;
}

/** Sends batches of admissions to a database that decides them. */
export interface BatchSender<Undecided extends symbol = never, Connection = undefined> {
  /** True if a reply has the time of the decision once, or for each admission. */
  readonly clock: "once" | "each";
  /** The most batches in flight, of each queue. Default 32. */
  maxInFlight?(queue: string): number;
  /** See `BatcherOptions.worthSplitting`. */
  readonly worthSplitting?: number | undefined;
  /** Names the queue that an admission waits in. Queues do not wait for each other. Default: there is one. */
  queueOf?(admission: Admission, keyOf: (claim: Claim) => string): string;
  /** Lends a connection for one batch. */
  connected?<T>(use: (connection: Connection) => Promise<T>, deadlineMs: number): Promise<T>;
  /**
   * Sends one batch. Resolves to its reply, or to what became of all its admissions. Rejects with a `SluiceError` when the
   * database did not answer.
   */
  send(
    batch: Batch,
    connection: Connection,
  ): Promise<BatchReply<Undecided> | { readonly all: SluiceError | NotRun | Undecided }>;
  /** The error for a reply that can't be one. */
  malformed(what: string): SluiceError;
  /**
   * Decides an admission that a batch left undecided.
   *
   * @param tookMs how long the batch took
   * @param ask asks again in another batch
   */
  undecided?(
    answer: Undecided,
    call: DecideCall,
    tookMs: number,
    ask: () => Promise<Outcome | Undecided>,
  ): Promise<Outcome>;
}

/** One admission that waits for its decision. */
export interface DecideCall {
  readonly admission: Admission;
  readonly nowMs: number | undefined;
  readonly deadlineMs: number;
  readonly probe: boolean | undefined;
}
