import { remoteFormOf } from "../../algorithm/built-in.js";
import { nextNumber } from "../../algorithm/reply.js";
import { SluiceError, storeFailure } from "../../errors.js";
import type { MaybePromise } from "../../maybe-promise.js";
import { createBatchers } from "../batchers.js";
import { storeTimeout } from "../deadlines.js";
import { unreadableState } from "../entry.js";
import { groupsByTime, numberBatch } from "../numbered-batch.js";
import { readOutcome } from "../read-outcome.js";
import type { Admission, CallOptions, Claim, Outcome } from "../store.js";

/** A policy as a database takes it. */
export interface NumberedPolicy {
  readonly algorithm: string;
  /** Names the algorithm: see `RemoteForm.number`. */
  readonly number: number;
  readonly numbers: readonly number[];
}

/** Admissions with the same time and place, as a database takes them. */
export interface Batch {
  /** The stored keys of the entries, each once. */
  readonly keys: readonly string[];
  /** For each of them, the algorithm of its state. */
  readonly algorithms: readonly string[];
  readonly policies: readonly NumberedPolicy[];
  /** See `NumberedBatch.numbers`. */
  readonly numbers: readonly number[];
  /** The time that tests give; `undefined` for the database's clock. */
  readonly nowMs: number | undefined;
  /** Where the entries lie, if they lie in different places. */
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
  /** Whether a reply has the time of the decision once, or for each admission. */
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
}

interface OpenCall<Undecided> extends DecideCall {
  /** Whether the caller takes an answer that is not a decision. */
  readonly raw: boolean;
  answer: Answer<Undecided> | undefined;
}

type Answer<Undecided> = MaybePromise<Outcome | Undecided> | SluiceError;

/** What a {@link createBatchDecider} needs to know of its store. */
export interface BatchHost {
  keyOf(claim: Claim): string;
  /** The place of an admission, `undefined` where there is one place; and `"several"` if its claims lie in different ones. */
  placeOf(admission: Admission): { readonly one: string | undefined } | "several";
  /** Decides a call from the start. */
  decideAgain(call: DecideCall): Promise<Outcome>;
  /** Decides a call claim by claim. */
  decideApart(call: DecideCall): Promise<Outcome>;
}

const UNREADABLE = -1;

/** After so many tries that left an admission undecided the store gives up. */
const MAX_TRIES = 20;

/** Decides admissions in batches, by a database that takes them as numbers. */
export function createBatchDecider<Undecided extends symbol, Connection>(
  sender: BatchSender<Undecided, Connection>,
  host: BatchHost,
): (admission: Admission, options: CallOptions | undefined) => Promise<Outcome> {
  type Open = OpenCall<Undecided>;
  const lend = sender.connected ?? ((use) => use(undefined as Connection));

  function encode(calls: readonly Open[], place: string | undefined, queue: string): Batch {
    const admissions = calls.map(({ admission }) => admission);
    const { keys, algorithms, policies, numbers } = numberBatch(admissions, host.keyOf);
    return {
      keys,
      algorithms,
      policies: policies.map((policy) => {
        const { number, numbers } = remoteFormOf(policy.algorithm);
        return { algorithm: policy.algorithm, number, numbers: numbers(policy) };
      }),
      numbers,
      nowMs: calls[0]?.nowMs,
      place,
      queue,
    };
  }

  /** Decides a call that its batch did not decide. */
  function decideLater(call: Open, found: "moved" | "apart" | Undecided, sentMs: number): Promise<Outcome> {
    if (found === "moved") return host.decideAgain(call);
    if (found === "apart") return host.decideApart(call);
    const tookMs = performance.now() - sentMs;
    return (
      sender.undecided?.(found, call, tookMs, () => add({ ...call, raw: true, answer: undefined })) ??
      Promise.reject(sender.malformed(String(found)))
    );
  }

  /** Answers a call, unless it is to be asked again. */
  function answer(call: Open, found: SluiceError | NotRun | Undecided, sentMs: number): void {
    if (found === "again") return;
    if (found instanceof SluiceError) {
      call.answer = found;
      return;
    }
    if (found !== "moved" && found !== "apart" && call.raw) {
      call.answer = found;
      return;
    }
    const decided = decideLater(call, found, sentMs);
    // Another part of the batch may take longer than this one takes to fail.
    decided.catch(() => {});
    call.answer = decided;
  }

  function read({ numbers, otherwise }: BatchReply<Undecided>, calls: readonly Open[], sentMs: number): void {
    const reader = { numbers, at: 0 };
    const next = (): number => nextNumber(reader);
    let nowMs = sender.clock === "once" ? next() : 0;
    for (const call of calls) {
      if (sender.clock === "each") nowMs = next();
      const verdict = next();
      if (verdict === 0 || verdict === 1) call.answer = readOutcome(reader, call.admission, nowMs, verdict === 1);
      else if (verdict === UNREADABLE) call.answer = unreadableState();
      else answer(call, otherwise?.(verdict, next) ?? sender.malformed(`the verdict ${verdict}`), sentMs);
    }
    if (reader.at !== numbers.length) throw sender.malformed(`${numbers.length} numbers instead of ${reader.at}`);
  }

  /** Decides calls with the same time, in the same place. */
  async function decideTogether(
    calls: readonly Open[],
    place: string | undefined,
    queue: string,
    connection: Connection,
  ): Promise<void> {
    for (let open = calls, tries = 0; ; tries++) {
      const sentMs = performance.now();
      for (const call of open) {
        if (call.deadlineMs <= sentMs)
          call.answer = storeTimeout("the store was too busy to send the call in time; it was not sent");
        else if (tries === MAX_TRIES) call.answer = contended();
      }
      open = open.filter((call) => call.answer === undefined);
      if (open.length === 0) return;
      const reply = await sender.send(encode(open, place, queue), connection);
      if ("all" in reply) for (const call of open) answer(call, reply.all, sentMs);
      else read(reply, open, sentMs);
    }
  }

  /** Decides a batch: at once in each place, one after the other for the times that tests give. */
  async function run(calls: readonly Open[], queue: string, connection: Connection): Promise<void> {
    const places = new Map<string | undefined, Open[]>();
    for (const call of calls) {
      const place = host.placeOf(call.admission);
      if (place === "several") answer(call, "moved", 0);
      else if (places.has(place.one)) places.get(place.one)?.push(call);
      else places.set(place.one, [call]);
    }
    let answered = places.size === 0;
    let failure: unknown;
    await Promise.all(
      Array.from(places, async ([place, group]) => {
        for (const together of groupsByTime(group)) {
          try {
            await decideTogether(together, place, queue, connection);
            answered = true;
          } catch (error) {
            failure = error;
            for (const call of together) call.answer ??= storeFailure(error);
          }
        }
      }),
    );
    // Then the batcher probes the database.
    if (!answered) throw failure;
  }

  const batcherOf = createBatchers<Open, Outcome | Undecided>((queue) => ({
    maxInFlight: sender.maxInFlight?.(queue),
    worthSplitting: sender.worthSplitting,
    async run(calls, deadlineMs) {
      await lend((connection) => run(calls, queue, connection), deadlineMs);
      return calls.map((call) => call.answer as Answer<Undecided>);
    },
  }));

  function add(call: Open): Promise<Outcome | Undecided> {
    return batcherOf(sender.queueOf?.(call.admission, host.keyOf) ?? "").add(call, call.deadlineMs);
  }

  return (admission, options) => {
    const deadlineMs = options?.deadlineMs ?? Number.POSITIVE_INFINITY;
    const call: Open = { admission, nowMs: options?.nowMs, deadlineMs, raw: false, answer: undefined };
    // Only a raw call gets an answer that is not a decision.
    return add(call) as Promise<Outcome>;
  };
}

function contended(): SluiceError {
  return new SluiceError("STORE_CONTENDED", `an entry changed under each of ${MAX_TRIES} tries to decide on it`);
}
