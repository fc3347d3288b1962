import { SluiceError } from "../errors.js";
import type { Algorithm, Next, Step } from "../policy/algorithm.js";
import type { Policy } from "../policy/policy.js";
import type { Admission, Claim, ClaimFinding, Outcome } from "./store.js";

/**
 * The state of one policy for one key, as every store keeps it: the version of this form, the time until which the key
 * is blocked (0 when it is not), and the algorithm's own state (`null` when there is none yet).
 */
export type Entry = readonly [version: 1, blockedUntilMs: number, state: unknown];

/** The error for stored state that is no entry, or one of another version. */
export function unreadableState(options?: ErrorOptions): SluiceError {
  return new SluiceError(
    "STORE_STATE_UNREADABLE",
    "stored state has a form that this release does not know: was it written by a newer release, or by something else?",
    options,
  );
}

/**
 * The algorithm's state in an entry, `undefined` when there is none.
 *
 * @throws SluiceError `STORE_STATE_UNREADABLE` for an entry of another version
 */
function stateOf(entry: Entry | undefined): unknown {
  if (entry === undefined) return undefined;
  if (!Array.isArray(entry) || entry[0] !== 1) throw unreadableState();
  return entry[2] ?? undefined;
}

/** Judges one claim by its entry. A block denies whatever the algorithm says. */
function judgeEntry(
  entry: Entry | undefined,
  algorithm: Algorithm,
  policy: Policy,
  nowMs: number,
  cost: number,
): ClaimFinding & Step<unknown> {
  const state = stateOf(entry);
  const step = algorithm.step(state, policy, nowMs, cost);
  const blockedUntilMs = entry?.[1] ?? 0;
  if (blockedUntilMs <= nowMs) return { ...step, blocked: false };
  // Nothing will be charged, so the limit comes back as things stand.
  const { resetAfterMs } = algorithm.step(state, policy, nowMs, 0);
  return withBlock({ ...step, resetAfterMs }, blockedUntilMs, nowMs);
}

/** Adds to a finding what a block until `blockedUntilMs` makes of it. */
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

/** The entry with the algorithm's next state, kept also as long as a block lasts. */
function advanceEntry(entry: Entry | undefined, next: Next<unknown>, nowMs: number): Next<Entry> {
  const blockedUntilMs = entry?.[1] ?? 0;
  return { state: [1, blockedUntilMs, next.state], ttlMs: Math.max(next.ttlMs, blockedUntilMs - nowMs) };
}

/** The entry, blocked until `blockedUntilMs`. */
export function blockEntry(
  entry: Entry | undefined,
  algorithm: Algorithm,
  policy: Policy,
  nowMs: number,
  blockedUntilMs: number,
): Next<Entry> {
  const { resetAfterMs } = algorithm.step(stateOf(entry), policy, nowMs, 0);
  const ttlMs = Math.max(1, resetAfterMs, blockedUntilMs - nowMs);
  return { state: [1, blockedUntilMs, entry?.[2] ?? null], ttlMs };
}

/** The change that gives the cost of a claim back to the window named by `epochMs`; none when that window is over. */
export function refundEntry(
  { policy, cost }: Claim,
  algorithms: ReadonlyMap<string, Algorithm>,
  epochMs: number,
): (entry: Entry | undefined, nowMs: number) => Next<Entry> | undefined {
  const algorithm = algorithms.get(policy.algorithm);
  return (entry, nowMs) => {
    const state = stateOf(entry);
    if (state === undefined) return undefined;
    const next = algorithm?.refund?.(state, policy, nowMs, cost, epochMs);
    return next && advanceEntry(entry, next, nowMs);
  };
}

/**
 * The reference for {@link DecidingStore.decide}: decides an admission on the entries of its claims, and returns what
 * to write for each of them when all were granted. Pure.
 */
export function decideEntries(
  admission: Admission,
  entries: readonly (Entry | undefined)[],
  algorithms: ReadonlyMap<string, Algorithm>,
  nowMs: number,
): { outcome: Outcome; writes: readonly Next<Entry>[] } {
  const { claims, charge } = admission;
  const algorithmOf = (claim: Claim) => algorithms.get(claim.policy.algorithm) as Algorithm;
  const judged = claims.map((claim, i) => judgeEntry(entries[i], algorithmOf(claim), claim.policy, nowMs, claim.cost));
  const allowed = judged.every((finding) => finding.allowed);
  const findings = claims.map((claim, i): ClaimFinding => {
    const { next: _, ...finding } = judged[i] as ClaimFinding & Step<unknown>;
    if (!finding.allowed || (allowed && charge)) return finding;
    const now = judgeEntry(entries[i], algorithmOf(claim), claim.policy, nowMs, 0);
    return { ...finding, remaining: now.remaining, resetAfterMs: now.resetAfterMs };
  });
  const writes =
    allowed && charge ? judged.map(({ next }, i) => advanceEntry(entries[i], next as Next<unknown>, nowMs)) : [];
  return { outcome: { allowed, nowMs, findings }, writes };
}
