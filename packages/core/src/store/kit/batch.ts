import type { SluiceError } from "../../errors.js";
import type { Admission, Claim, Outcome } from "../store.js";

/** Admissions with the same time and place, in the form that a database takes. */
export interface Batch {
  /** The stored keys of the entries, without duplicates. */
  readonly keys: readonly string[];
  /** The algorithm of each key's state. */
  readonly algorithms: readonly string[];
  /** `number` stands for the algorithm: see `RemoteForm.number`. */
  readonly policies: readonly {
    readonly algorithm: string;
    readonly number: number;
    readonly numbers: readonly number[];
  }[];
  /** See `NumberedBatch.numbers`. */
  readonly numbers: readonly number[];
  /** The explicit time of a test; `undefined` for the database's clock. */
  readonly nowMs: number | undefined;
  /** The place of the entries, if the database has several. */
  readonly place: string | undefined;
  readonly queue: string;
}

/**
 * Why something was not decided, although nothing has run. It may be sent again immediately (`"again"`), or sent to the
 * places that are now known (`"moved"`). Or it must be decided claim by claim with compare-and-set (`"apart"`).
 */
export type NotRun = "again" | "moved" | "apart";

/** The reply to a batch. */
export interface BatchReply<Undecided> {
  /**
   * For each admission a verdict, followed by the numbers that `readOutcome` reads. 1: all claims fit. 0: not all fit. -1:
   * the state can't be read, and no numbers follow. The time of the decision comes before the first verdict, or before
   * each.
   */
  readonly numbers: readonly number[];
  /** The meaning of any other verdict. `next` reads the numbers that follow the verdict. */
  otherwise?(verdict: number, next: () => number): SluiceError | NotRun | Undecided;
}

/** Sends batches of admissions to a database that decides them. */
export interface BatchSender<Undecided extends symbol = never, Connection = undefined> {
  /** Whether a reply has the time of the decision once or for each admission. */
  readonly clock: "once" | "each";
  /** The most batches in flight for each queue. Default 32. */
  maxInFlight?(queue: string): number;
  /** See `BatcherOptions.worthSplitting`. */
  readonly worthSplitting?: number | undefined;
  /** Names the queue in which an admission waits. Queues do not wait for each other. Default: one queue. */
  queueOf?(admission: Admission, keyOf: (claim: Claim) => string): string;
  /** Acquires a connection for one batch. */
  connected?<T>(use: (connection: Connection) => Promise<T>, deadlineMs: number): Promise<T>;
  /**
   * Sends one batch. Resolves to its reply, or to one result for all its admissions. Rejects with a `SluiceError` if the
   * database did not answer.
   */
  send(
    batch: Batch,
    connection: Connection,
  ): Promise<BatchReply<Undecided> | { readonly all: SluiceError | NotRun | Undecided }>;
  /** The error for an invalid reply. */
  malformed(what: string): SluiceError;
  /**
   * Decides an admission that a batch left undecided.
   *
   * @param tookMs how long the batch took
   * @param ask sends it again in another batch
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
