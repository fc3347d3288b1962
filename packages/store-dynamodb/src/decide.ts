import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { isEntry } from "@sluice/core/kit";
import {
  type Admission,
  builtInAlgorithms,
  decideEntries,
  type Entry,
  type Outcome,
  type Policy,
  SluiceError,
} from "@sluice/core/store";
import { addMove, type Move } from "./charge.js";
import type { Place } from "./place.js";
import type { Session } from "./session.js";
import { latestOf } from "./slots.js";
import { decode, type Item, type Known, timeBy } from "./stored.js";
import { createExpression, keepUntil } from "./table.js";
import { half, type Repaired, repair } from "./update.js";

/** A request for admission whose claims are all in one item. */
export interface DecideCall {
  readonly kind: "decide";
  readonly admission: Admission;
  /** One for each claim. */
  readonly places: readonly Place[];
  readonly nowMs: number | undefined;
  readonly deadlineMs: number;
  /** The time until which the answer of a charge can still be used to undo it, although it is too late for the caller. */
  readonly undoUntilMs?: number | undefined;
}

/** An entry, and its lifetime if it was charged or repaired. */
interface Left extends Repaired {
  readonly isRepaired: boolean;
}

/** The entries of some attributes after the calls so far. */
type Entries = Map<string, Left>;

/**
 * Decides calls with the same `nowMs`. The calls that fit are charged in one write. The others are then judged on the item
 * after that write. If the write's conditions fail, the returned item shows what to try next.
 */
export async function decideCalls(
  session: Session,
  calls: readonly DecideCall[],
  answer: (call: DecideCall, outcome: Outcome | SluiceError) => void,
): Promise<void> {
  const open = new Set(calls);
  function settle(call: DecideCall, outcome: Outcome | SluiceError): void {
    open.delete(call);
    answer(call, outcome);
  }
  for (;;) {
    for (const call of open) {
      const late = session.lateFor(call.deadlineMs);
      if (late !== undefined) settle(call, late);
    }
    const [first] = open;
    if (first === undefined) return;
    const nowMs =
      first.nowMs ??
      timeBy(
        Date.now(),
        [...open].flatMap((call) => knownTo(session.item, call)),
      );
    const { granted, refused, entries } = tryAll(session.item, open, nowMs);
    if (granted.length > 0) {
      const outcomes = await charge(session, granted, entries, nowMs);
      outcomes?.forEach((outcome, i) => {
        settle(granted[i] as DecideCall, outcome);
      });
    } else if (session.fresh) {
      const repairing = repair(
        session,
        [...entries.values()].filter(({ isRepaired }) => isRepaired),
        nowMs,
      );
      if (repairing !== undefined) await half(repairing, Math.min(...[...open].map(({ deadlineMs }) => deadlineMs)));
      for (const [call, outcome] of refused) settle(call, outcome);
      await repairing;
    } else {
      await session.read(latestOf([...open]));
    }
  }
}

/** Decides the calls in order on an item as it was seen. Returns which to charge, and the results of the others. */
function tryAll(
  item: Item,
  calls: Iterable<DecideCall>,
  nowMs: number,
): { granted: DecideCall[]; refused: Map<DecideCall, Outcome | SluiceError>; entries: Entries } {
  const entries: Entries = new Map();
  const granted: DecideCall[] = [];
  const refused = new Map<DecideCall, Outcome | SluiceError>();
  for (const call of calls) {
    try {
      for (const place of call.places) {
        if (entries.has(place.attribute)) continue;
        entries.set(place.attribute, unchanged(place, entryIn(item, place, call, nowMs)));
      }
      const outcome = decideOn(entries, call, nowMs);
      if (outcome.allowed && call.admission.charge) granted.push(call);
      else refused.set(call, outcome);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      refused.set(call, error);
    }
  }
  return { granted, refused, entries };
}

function decideOn(entries: Entries, { admission, places }: DecideCall, nowMs: number): Outcome {
  const found = places.map(({ attribute }) => entries.get(attribute)?.entry);
  const { outcome, writes } = decideEntries(admission, found, nowMs);
  writes.forEach((next, i) => {
    const place = places[i] as Place;
    const isRepaired = !(outcome.allowed && admission.charge);
    if (next !== undefined) entries.set(place.attribute, { place, entry: next.state, ttlMs: next.ttlMs, isRepaired });
  });
  return outcome;
}

function unchanged(place: Place, entry: Entry | undefined): Left {
  return { place, entry, ttlMs: 0, isRepaired: false };
}

/** The entries of an item that a call claims. */
function knownTo(item: Item, { admission, places }: DecideCall): readonly Known[] {
  return admission.claims.flatMap(({ policy }, i) => {
    const { algorithm, attribute } = places[i] as Place;
    try {
      const kept = decode(algorithm, item[attribute]);
      return isEntry(kept?.state) && Array.isArray(kept.state[2]) ? [{ entry: kept.state, policy }] : [];
    } catch {
      // The decision reports entries that it can't read.
      return [];
    }
  });
}

/** If a test sets the time, nothing expires, because old state counts as absent anyway. */
function entryIn(item: Item, place: Place, call: DecideCall, nowMs: number): Entry | undefined {
  const kept = decode(place.algorithm, item[place.attribute]);
  if (kept === undefined || (call.nowMs === undefined && kept.expiresAtMs <= nowMs)) return undefined;
  return kept.state as Entry;
}

/** Charges all of the calls in one write. Returns `undefined` if its conditions failed. */
async function charge(
  session: Session,
  calls: readonly DecideCall[],
  charged: Entries,
  nowMs: number,
): Promise<readonly Outcome[] | undefined> {
  const { item, fresh } = session;
  const crowded = session.crowded && !fresh;
  const expression = createExpression();
  const moves = new Map<string, Move>();
  let longestMs = 0;
  for (const { call, place, policy, cost } of demandsOf(calls)) {
    const { entry: state, ttlMs } = charged.get(place.attribute) as Left & { entry: Entry };
    const seen = item[place.attribute];
    const entry = entryIn(item, place, call, nowMs);
    const next = { state, expiresAtMs: nowMs + ttlMs };
    moves.set(place.attribute, addMove(expression, { place, seen, entry, policy, cost, crowded, next }, nowMs));
    // Concurrent charges by others extend its life, but at most to the time that the whole limit takes.
    longestMs = Math.max(longestMs, ttlMs, policy === undefined ? 0 : windowOf(policy));
  }
  const kept = keepUntil(expression, item, Math.max(nowMs, Date.now()) + longestMs);
  const expected = Object.fromEntries([...moves].map(([attribute, move]) => [attribute, move.expected]));
  const undoUntilMs = Math.max(...calls.map((call) => call.undoUntilMs ?? 0));
  const after = { ...item, ...expected, ...kept };
  if (!(await session.write(expression, after, latestOf(calls), undoUntilMs))) return undefined;
  const entries: Entries = new Map();
  for (const [attribute, move] of moves) {
    const { place } = charged.get(attribute) as Left;
    entries.set(attribute, unchanged(place, move.entryBefore(session.item[attribute] as AttributeValue)));
  }
  return calls.map((call) => decideOn(entries, call, nowMs));
}

interface Demand {
  /** One of the calls that charge it. */
  readonly call: DecideCall;
  readonly place: Place;
  /** `undefined` if calls with different policies charge it. */
  readonly policy: Policy | undefined;
  readonly cost: number;
}

/** The total charge of all calls to each attribute. */
function demandsOf(calls: readonly DecideCall[]): Iterable<Demand> {
  const demands = new Map<string, Demand>();
  for (const call of calls) {
    call.admission.claims.forEach(({ policy, cost }, i) => {
      const place = call.places[i] as Place;
      const other = demands.get(place.attribute);
      demands.set(place.attribute, {
        call,
        place,
        policy: other === undefined || isSame(other.policy, policy) ? policy : undefined,
        cost: cost + (other?.cost ?? 0),
      });
    });
  }
  return demands.values();
}

/** Policies are compared by value, because limiters may have separate copies of the same policy. */
function isSame(one: Policy | undefined, other: Policy): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function windowOf(policy: Policy): number {
  return builtInAlgorithms.get(policy.algorithm)?.quota(policy).windowMs ?? 0;
}
