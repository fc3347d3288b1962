import type { Next, Step } from "../algorithm/algorithm.js";
import { algorithmOf } from "../algorithm/brought.js";
import type { Policy } from "../algorithm/policy.js";
import { SluiceError } from "../errors.js";
import type { Admission, Claim, ClaimFinding, Outcome } from "./store.js";

/**
 * The state of one policy for one key, in the form that every store keeps. It has a version, the time until which the key
 * is blocked (0 if it never was), and the algorithm's own state (`null` if there is none yet). Version 2 also has the
 * length of the block, so that a clock that steps back can't extend it. Version 1 has no length.
 */
export type Entry =
  | readonly [version: 1, blockedUntilMs: number, state: unknown]
  | readonly [version: 2, blockedUntilMs: number, state: unknown, blockedForMs: number];

/** An entry, read at some time. */
interface Reading {
  readonly state: unknown;
  readonly blockedUntilMs: number;
  /** `undefined` if there is no block, or if an older release wrote the block without its length. */
  readonly blockedForMs: number | undefined;
  /** True if the block was shortened to its length because the clock had stepped back. */
  readonly corrected: boolean;
}

const NOTHING: Reading = { state: undefined, blockedUntilMs: 0, blockedForMs: undefined, corrected: false };

/** A change of an entry. Returns `undefined` to keep it unchanged. */
export type EntryChange = (entry: Entry | undefined, nowMs: number) => Next<Entry> | undefined;

/** The error for stored state that is not an entry or has an unknown version. */
export function unreadableState(options?: ErrorOptions): SluiceError {
  return new SluiceError(
    "STORE_STATE_UNREADABLE",
    "stored state has a form that this release does not know: was it written by a newer release, or by something else?",
    options,
  );
}

/** Returns whether stored state has the form of an {@link Entry}. */
export function isEntry(stored: unknown): stored is Entry {
  return Array.isArray(stored) && (stored[0] === 1 || (stored[0] === 2 && typeof stored[3] === "number"));
}

/** @throws SluiceError `STORE_STATE_UNREADABLE` for an entry of another version */
function read(entry: Entry | undefined, nowMs: number): Reading {
  if (entry === undefined) return NOTHING;
  if (!isEntry(entry)) throw unreadableState();
  const state = entry[2] ?? undefined;
  const blockedUntilMs = entry[1];
  const blockedForMs = entry[0] === 2 ? entry[3] : undefined;
  return blockedForMs !== undefined && blockedUntilMs - nowMs > blockedForMs
    ? { state, blockedUntilMs: nowMs + blockedForMs, blockedForMs, corrected: true }
    : { state, blockedUntilMs, blockedForMs, corrected: false };
}

/** The entry to write. It is kept at least as long as its block lasts. */
function written(
  { state, ttlMs }: Next<unknown>,
  { blockedUntilMs, blockedForMs }: Reading,
  nowMs: number,
): Next<Entry> {
  return {
    state: blockedForMs === undefined ? [1, blockedUntilMs, state] : [2, blockedUntilMs, state, blockedForMs],
    ttlMs: Math.max(ttlMs, blockedUntilMs - nowMs),
  };
}

/** Adds the effect of a block until `blockedUntilMs` to a finding. */
export function withBlock<F extends Step<unknown>>(
  finding: F,
  blockedUntilMs: number,
  nowMs: number,
): F & { blocked: boolean } {
  const blockedForMs = blockedUntilMs - nowMs;
  if (blockedForMs <= 0) return { ...finding, blocked: false };
  const { allowed, retryAfterMs } = finding;
  return {
    ...finding,
    allowed: false,
    blocked: true,
    remaining: 0,
    retryAfterMs: allowed ? blockedForMs : retryAfterMs && Math.max(retryAfterMs, blockedForMs),
    resetAfterMs: Math.max(finding.resetAfterMs, blockedForMs),
  };
}

/** The entry, blocked for `forMs` from now. Keeps a block that ends later. */
export function blockEntry(entry: Entry | undefined, policy: Policy, nowMs: number, forMs: number): Next<Entry> {
  const reading = read(entry, nowMs);
  const { resetAfterMs, next } = algorithmOf(policy).step(reading.state, policy, nowMs, 0);
  const untilMs = nowMs + forMs;
  const longer =
    reading.blockedUntilMs > untilMs ? reading : { ...reading, blockedUntilMs: untilMs, blockedForMs: forMs };
  return written(next ?? { state: reading.state ?? null, ttlMs: Math.max(1, resetAfterMs) }, longer, nowMs);
}

/**
 * The change that refunds a claim's cost, charged at `chargedAtMs`, to the window named by `epochMs`. Changes nothing if
 * that window has ended.
 */
export function refundEntry({ policy, cost }: Claim, epochMs: number, chargedAtMs: number): EntryChange {
  const algorithm = algorithmOf(policy);
  return (entry, nowMs) => {
    const reading = read(entry, nowMs);
    if (reading.state === undefined) return undefined;
    const next = algorithm.refund?.(reading.state, policy, nowMs, cost, epochMs, chargedAtMs);
    return next && written(next, reading, nowMs);
  };
}

/** The entry after a reset. `undefined` if it has to be deleted. */
export function clearEntry({ policy }: Claim, entry: Entry, nowMs: number): Next<Entry> | undefined {
  const state = isEntry(entry) ? (entry[2] ?? undefined) : undefined;
  const next = state === undefined ? undefined : algorithmOf(policy).clear?.(state, nowMs);
  return next && written(next, NOTHING, nowMs);
}

/** One claim, judged on the entry that was read. */
interface Judged {
  readonly reading: Reading;
  /** The step for the cost of the claim. */
  readonly asked: Step<unknown>;
  /** The step for a cost of 0. */
  stands(): Step<unknown>;
}

function judge(entry: Entry | undefined, { policy, cost }: Claim, nowMs: number): Judged {
  const reading = read(entry, nowMs);
  const algorithm = algorithmOf(policy);
  return {
    reading,
    asked: algorithm.step(reading.state, policy, nowMs, cost),
    stands: () => algorithm.step(reading.state, policy, nowMs, 0),
  };
}

/** The finding for a claim that is not charged, and the repair of its entry. */
function leave(
  { reading, asked, stands }: Judged,
  nowMs: number,
): { finding: ClaimFinding; write: Next<Entry> | undefined } {
  const { next: askedNext, ...found } = asked;
  if (!asked.allowed && reading.blockedUntilMs <= nowMs) {
    return { finding: { ...found, blocked: false }, write: askedNext && written(askedNext, reading, nowMs) };
  }
  // Nothing will be charged, so the limit is restored from the current state.
  const { next, remaining, resetAfterMs } = stands();
  const finding = withBlock({ ...found, remaining, resetAfterMs }, reading.blockedUntilMs, nowMs);
  if (next === undefined && !reading.corrected) return { finding, write: undefined };
  const kept = next ?? { state: reading.state ?? null, ttlMs: Math.max(1, resetAfterMs) };
  return { finding, write: written(kept, reading, nowMs) };
}

/**
 * The reference for {@link DecidingStore.decide}: decides an admission on the entries of its claims, and returns the state
 * to write for each of them. If all claims were granted, that is the charge. Otherwise there is usually nothing to write,
 * and `writes` is empty. The exception are repairs, with `undefined` for entries that stay: the clock stepped back or the
 * policy's numbers changed, so the entry was corrected when it was read. A failed repair does not change the outcome. Pure.
 */
export function decideEntries(
  admission: Admission,
  entries: readonly (Entry | undefined)[],
  nowMs: number,
): { outcome: Outcome; writes: readonly (Next<Entry> | undefined)[] } {
  const { claims, charge } = admission;
  const judged = claims.map((claim, i) => judge(entries[i], claim, nowMs));
  const allowed = judged.every(({ asked, reading }) => asked.allowed && reading.blockedUntilMs <= nowMs);
  if (allowed && charge) {
    const writes = judged.map(({ asked: { next }, reading }) => next && written(next, reading, nowMs));
    const findings = judged.map(({ asked: { next: _, ...finding } }): ClaimFinding => ({ ...finding, blocked: false }));
    return { outcome: { allowed, nowMs, findings }, writes };
  }
  const left = judged.map((one) => leave(one, nowMs));
  const isRepaired = left.some(({ write }) => write !== undefined);
  return {
    outcome: { allowed, nowMs, findings: left.map(({ finding }) => finding) },
    writes: isRepaired ? left.map(({ write }) => write) : [],
  };
}
