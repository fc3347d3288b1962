import { remoteFormOf } from "../../algorithm/built-in.js";
import { nextNumber } from "../../algorithm/reply.js";
import { SluiceError, storeFailure } from "../../errors.js";
import type { MaybePromise } from "../../maybe-promise.js";
import { storeTimeout } from "../deadlines.js";
import { unreadableState } from "../entry.js";
import { createBatchers } from "../keyed-batcher.js";
import { groupsByTime, numberBatch, readOutcome } from "../numbered-batch.js";
import type { Admission, CallOptions, Claim, Outcome } from "../store.js";
import type { Batch, BatchReply, BatchSender, DecideCall, NotRun } from "./batch.js";

interface OpenCall<Undecided> extends DecideCall {
  /** True if the caller accepts an answer that is not a decision. */
  readonly raw: boolean;
  answer: Answer<Undecided> | undefined;
}

type Answer<Undecided> = MaybePromise<Outcome | Undecided> | SluiceError;

/** The parts of a store that a {@link createBatchDecider} uses. */
export interface BatchHost {
  keyOf(claim: Claim): string;
  /**
   * The place of an admission: `undefined` if the store has only one place, `"several"` if the claims are in different
   * ones.
   */
  placeOf(admission: Admission): { readonly one: string | undefined } | "several";
  /** Decides a call again from the start. */
  decideAgain(call: DecideCall): Promise<Outcome>;
  /** Decides a call claim by claim. */
  decideApart(call: DecideCall): Promise<Outcome>;
}

const UNREADABLE = -1;

/** The store gives up after this many tries that left an admission undecided. */
const MAX_TRIES = 20;

/** Decides admissions in batches, in a database that takes them as numbers. */
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

  /** Answers a call, unless it has to be sent again. */
  function answer(call: Open, found: Outcome | SluiceError | NotRun | Undecided, sentMs: number): void {
    if (found === "again") return;
    if (typeof found === "object" || (found !== "moved" && found !== "apart" && call.raw)) {
      call.answer = found;
      return;
    }
    const decided = decideLater(call, found, sentMs);
    // The rest of the batch may take longer than this call takes to fail.
    decided.catch(() => {});
    call.answer = decided;
  }

  function read({ numbers, otherwise }: BatchReply<Undecided>, calls: readonly Open[], sentMs: number): void {
    const reader = { numbers, at: 0 };
    const next = (): number => nextNumber(reader);
    let nowMs = sender.clock === "once" ? next() : 0;
    const found = calls.map(({ admission }) => {
      if (sender.clock === "each") nowMs = next();
      const verdict = next();
      if (verdict === 0 || verdict === 1) return readOutcome(reader, admission, nowMs, verdict === 1);
      if (verdict === UNREADABLE) return unreadableState();
      return otherwise?.(verdict, next) ?? sender.malformed(`the verdict ${verdict}`);
    });
    if (reader.at !== numbers.length) throw sender.malformed(`${numbers.length} numbers instead of ${reader.at}`);
    for (let i = 0; i < calls.length; i++) answer(calls[i] as Open, found[i] as (typeof found)[number], sentMs);
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
        // A call with an answer keeps it, even after the deadline: it was charged, and its caller may have to undo that.
        if (call.answer !== undefined) continue;
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

  /** Decides a batch: all places at the same time, and calls with explicit times (in tests) one after the other. */
  async function run(calls: readonly Open[], queue: string, connection: Connection): Promise<void> {
    const places = new Map<string | undefined, Open[]>();
    // The place of the previous call, because the next call is usually in the same place.
    let last: { readonly place: string | undefined; readonly group: Open[] } | undefined;
    for (const call of calls) {
      const place = host.placeOf(call.admission);
      if (place === "several") {
        answer(call, "moved", 0);
        continue;
      }
      if (last === undefined || last.place !== place.one) {
        last = { place: place.one, group: places.get(place.one) ?? [] };
        places.set(place.one, last.group);
      }
      last.group.push(call);
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
            // Calls that an earlier try decided keep their answers.
            for (const call of together) {
              if (call.answer === undefined) call.answer = storeFailure(error);
              else answered = true;
            }
          }
        }
      }),
    );
    // If no call was answered, the batcher has to probe the database.
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
    return batcherOf(sender.queueOf?.(call.admission, host.keyOf) ?? "").add(call, call.deadlineMs, call.probe);
  }

  return (admission, options) => {
    const deadlineMs = options?.deadlineMs ?? Number.POSITIVE_INFINITY;
    const { nowMs, probe } = options ?? {};
    const call: Open = { admission, nowMs, deadlineMs, probe, raw: false, answer: undefined };
    // Only a raw call can have an answer that is not a decision.
    return add(call) as Promise<Outcome>;
  };
}

function contended(): SluiceError {
  return new SluiceError("STORE_CONTENDED", `an entry changed during each of ${MAX_TRIES} tries to decide on it`);
}
