import {
  type Admission,
  builtInAlgorithms,
  type CallOptions,
  type Claim,
  decideEntries,
  decideInOrder,
  type Entry,
  groupsByTime,
  type Outcome,
  type PartDecider,
  partsOf,
  refundEntry,
  SluiceError,
  type Updater,
} from "@sluice/core/store";
import { encodeBatch } from "./batch.js";
import type { Connection } from "./connection.js";
import { isReadOnlyFailure } from "./failures.js";
import { claimTag } from "./keys.js";
import type { Lanes } from "./lanes.js";
import type { MovingSlots } from "./moving-slots.js";
import { createPlaces, throwUnreachable } from "./places.js";
import { readOutcomes } from "./read-outcomes.js";
import { runScript } from "./run-script.js";
import { decide } from "./scripts.generated.js";
import { ONE_SLOT, type Slots } from "./slots.js";

interface Call {
  readonly admission: Admission;
  readonly nowMs: number | undefined;
}

type Answer = Outcome | SluiceError;

/**
 * Callers that all wait for one batch come back at the same time. In two batches, Redis decides one of them while this
 * process makes and reads the other: measured at 1.7 times the rate with 64 callers where both have a core.
 */
const WORTH_SPLITTING = 16;

/** The decisions of a store: those that are asked for at the same time share a script, on a cluster one for each slot. */
export function createDecisions(
  connection: Connection,
  lanes: Lanes,
  slots: Slots,
  moving: MovingSlots,
  prefix: string,
  update: Updater,
): (admission: Admission, options: CallOptions | undefined) => Promise<Outcome> {
  async function send(tag: string, calls: readonly Call[]): Promise<readonly Answer[]> {
    const admissions = calls.map(({ admission }) => admission);
    const { keys, json } = encodeBatch(admissions, prefix);
    const nowArgument = String(calls[0]?.nowMs ?? "");
    const reply = await lanes.use(tag, (lane) =>
      runScript(connection, decide, [lane.key, ...keys], [lane.number, nowArgument, json]),
    );
    const answers = readOutcomes(reply, admissions);
    if (answers.some((answer) => answer instanceof SluiceError && isReadOnlyFailure(answer))) connection.isReadOnly();
    return answers;
  }

  /** One script call; or with times given for tests, one for each group of calls with the same time. */
  async function sendTogether(tag: string, calls: readonly Call[]): Promise<readonly Answer[]> {
    const answers = await Promise.all(groupsByTime(calls).map((group) => send(tag, group)));
    return answers.flat();
  }

  const undo: PartDecider["undo"] = (claim, { epochMs }, options, chargedAtMs) =>
    update(claim.scope + claim.key, refundEntry(claim, builtInAlgorithms, epochMs, chargedAtMs), options);

  /** Decides one claim by `atomicUpdate`. */
  async function decideByUpdate(part: Admission, options: CallOptions | undefined): Promise<Outcome> {
    const [{ scope, key }] = part.claims as [Claim];
    let outcome: Outcome | undefined;
    try {
      await update<Entry>(
        scope + key,
        (entry, nowMs) => {
          const decided = decideEntries(part, [entry], builtInAlgorithms, nowMs);
          outcome = decided.outcome;
          return decided.writes[0];
        },
        options,
      );
    } catch (error) {
      // Without a charge there is only a repair to write, and the decision stands without it.
      if (outcome === undefined || (outcome.allowed && part.charge)) throw error;
    }
    return outcome as Outcome;
  }

  /** Decides calls while their slot moves, each claim by scripts with one key. */
  function sendAlone(calls: readonly Call[], deadlineMs: number): Promise<readonly Answer[]> {
    return Promise.all(
      calls.map(({ admission, nowMs }): Promise<Answer> => {
        const options = { nowMs, deadlineMs };
        const decided =
          admission.claims.length === 1
            ? decideByUpdate(admission, options)
            : decideInOrder(
                admission,
                admission.claims.map((_, i) => [i]),
                { decide: decideByUpdate, undo },
                options,
              );
        return decided.catch((error: SluiceError) => error);
      }),
    );
  }

  /** Each failure is that of its own slot. */
  async function sendBySlot(calls: readonly Call[], deadlineMs: number): Promise<readonly Answer[]> {
    const places = new Map<string, number[]>();
    calls.forEach(({ admission }, i) => {
      const tag = tagOfClaim(admission.claims[0] as Claim);
      const place = places.get(tag);
      if (place === undefined) places.set(tag, [i]);
      else place.push(i);
    });
    const answers: Answer[] = [];
    await Promise.all(
      [...places].map(async ([tag, positions]) => {
        const group = positions.map((i) => calls[i] as Call);
        const own = await moving
          .run(
            tag,
            () => sendTogether(tag, group),
            () => sendAlone(group, deadlineMs),
          )
          .catch((error: SluiceError) => group.map(() => error));
        positions.forEach((position, i) => {
          answers[position] = own[i] as Answer;
        });
      }),
    );
    throwUnreachable(answers);
    return answers;
  }

  /** Calls that were made while the slots were not split, as far as was known. */
  async function sendWhole(calls: readonly Call[], deadlineMs: number): Promise<readonly Answer[]> {
    const decideAll = (): Promise<readonly Answer[]> =>
      Promise.all(
        calls.map(({ admission, nowMs }) =>
          decideIn(admission, { nowMs, deadlineMs }).catch((error: SluiceError) => error),
        ),
      );
    return slots.split ? decideAll() : slots.splitting(() => sendTogether(ONE_SLOT, calls), decideAll);
  }

  const batcherOf = createPlaces<Call, Outcome>((place) => ({
    run: place === ONE_SLOT ? sendWhole : sendBySlot,
    worthSplitting: WORTH_SPLITTING,
  }));

  /** Decides what one script can reach. */
  function decideTogether(admission: Admission, options: CallOptions | undefined): Promise<Outcome> {
    const { nowMs, deadlineMs } = options ?? {};
    const place = slots.split ? slots.placeOf(tagOfClaim(admission.claims[0] as Claim)) : ONE_SLOT;
    return batcherOf(place).add({ admission, nowMs }, deadlineMs);
  }

  function decideIn(admission: Admission, options: CallOptions | undefined): Promise<Outcome> {
    if (slots.split && admission.claims.length > 1) {
      const parts = partsOf(admission, tagOfClaim);
      if (parts.length > 1) {
        return decideInOrder(admission, parts, { decide: decideTogether, undo }, options);
      }
    }
    return decideTogether(admission, options);
  }

  return decideIn;
}

function tagOfClaim({ scope, key }: Claim): string {
  return claimTag(scope, key);
}
