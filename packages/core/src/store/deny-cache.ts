import { COUNT, type Quota } from "../algorithm/policy.js";
import { type Duration, parseDuration } from "../duration.js";
import { check, checkOptions, type Rules } from "../options.js";
import { OPTIONS_OR_FALSE } from "./breaker.js";
import { copyOfKey, entryKeyOf, roomOf } from "./entry-key.js";
import type { CallOptions, Claim, ClaimFinding, Outcome } from "./store.js";

/** Options of the deny cache of a limiter. */
export interface DenyCacheOptions {
  /**
   * The most keys whose denials are remembered: a whole number of 1 or more. A long key counts as several, one for each 256
   * characters. Default 10,000, of about 300 bytes each.
   */
  maxKeys?: number | undefined;
  /**
   * How long a denial is repeated without asking the store. In a steady flood the store is asked twice in this time for
   * each exhausted key. Default `"1s"`.
   */
  maxAge?: Duration | undefined;
}

/** Checked {@link DenyCacheOptions}. */
export interface DenyCacheNumbers {
  readonly maxKeys: number;
  readonly maxAgeMs: number;
}

/** The parts of a limiter that its deny cache needs. */
export interface DenialsHost {
  readonly quotas: readonly Quota[];
  readonly timeoutMs: number;
  /** True if only denials of blocked keys are repeated. */
  readonly onlyBlocked: boolean;
  /** True if the store decides, so that each claim has a separate entry. */
  readonly storeDecides: boolean;
}

/**
 * The denials that one limiter may repeat. Calls without `nowMs` use `performance.now()`. If either clock has stepped back,
 * the store is asked.
 */
export interface Denials {
  /**
   * The denial of these claims, with its times counted down. `undefined` if the store has to be asked: nothing is known, a
   * claim costs less than the one that was denied, or this request has to refresh the denial.
   */
  find(claims: readonly Claim[], calls: CallOptions): Outcome | undefined;
  /** Notes the store's answer to a charge. */
  note(claims: readonly Claim[], outcome: Outcome, calls: CallOptions): void;
}

/**
 * Remembers exhausted keys for a moment, so that a client that keeps sending requests does not reach the store with each of
 * them. Limiters with the same store and options share one.
 */
export interface DenyCache {
  openFor(host: DenialsHost): Denials;
  /** Forgets a key, and ignores answers about it that are still under way. */
  clear(key: string): void;
}

/** A denial. */
interface Denied {
  readonly claims: readonly Claim[];
  readonly outcome: Outcome;
  readonly atMs: number;
  /** How long the denial holds: until a key recovers or the denial is too old. */
  readonly forMs: number;
  /** The time from which the next request asks the store. Others are still answered from the cache. */
  refreshMs: number;
}

/** How many cleared keys are remembered, because of answers under way. */
const MAX_CLEARED = 1_000;

const RULES: Rules<DenyCacheOptions> = { maxKeys: "any", maxAge: "any" };

/** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION` */
export function checkDenyCache(options: DenyCacheOptions): DenyCacheNumbers {
  check("denyCache", options, OPTIONS_OR_FALSE);
  checkOptions(options, RULES, "denyCache");
  const { maxKeys = 10_000, maxAge = 1_000 } = options;
  return { maxKeys: check("denyCache.maxKeys", maxKeys, COUNT), maxAgeMs: parseDuration(maxAge, "denyCache.maxAge") };
}

export function createDenyCache({ maxKeys, maxAgeMs }: DenyCacheNumbers): DenyCache {
  /** The remembered denials, the oldest first. */
  const denials = new Map<string, Denied>();
  /** When keys were cleared, the oldest first. */
  const cleared = new Map<string, number>();
  /** When a key whose clearing is no longer remembered was last cleared. */
  let clearedMs = Number.NEGATIVE_INFINITY;

  /** The room that all keys take together. */
  let room = 0;

  function forget(key: string): void {
    if (denials.delete(key)) room -= roomOf(key);
  }

  function keep(key: string, denied: Denied): void {
    forget(key);
    denials.set(key, denied);
    room += roomOf(key);
    for (const [oldest, { atMs, forMs }] of denials) {
      if (room <= maxKeys && Math.abs(denied.atMs - atMs) <= forMs) return;
      forget(oldest);
    }
  }

  function find(
    { quotas, storeDecides, onlyBlocked }: DenialsHost,
    claims: readonly Claim[],
    nowMs: number,
  ): Outcome | undefined {
    // A cost that never fits has no time that could be counted down.
    if (quotas.some(({ limit }, i) => (claims[i] as Claim).cost > limit)) return undefined;
    for (const claim of claims) {
      const denied = denials.get(entryKeyOf(claim, storeDecides));
      if (denied === undefined) continue;
      const elapsedMs = nowMs - denied.atMs;
      if (!(elapsedMs >= 0 && elapsedMs < denied.forMs)) continue;
      const findings = findingsFor(claims, denied, Math.floor(elapsedMs));
      if (findings === undefined || (onlyBlocked && !findings.some(({ blocked }) => blocked))) continue;
      if (nowMs >= denied.refreshMs) {
        denied.refreshMs = nowMs + maxAgeMs / 2;
        return undefined;
      }
      return { allowed: false, nowMs: denied.outcome.nowMs + Math.floor(elapsedMs), findings };
    }
    return undefined;
  }

  /** @param startMs when the store was asked, by `performance.now()` */
  function note(
    storeDecides: boolean,
    claims: readonly Claim[],
    outcome: Outcome,
    startMs: number,
    nowMs: number,
  ): void {
    const noted = outcome.allowed ? claims : claims.map(kept);
    const denied: Denied | undefined = outcome.allowed
      ? undefined
      : { claims: noted, outcome, atMs: nowMs, forMs: lastsMs(outcome, maxAgeMs), refreshMs: nowMs + maxAgeMs / 2 };
    outcome.findings.forEach((finding, i) => {
      const key = entryKeyOf(noted[i] as Claim, storeDecides);
      if (denied === undefined) forget(key);
      else if (!finding.allowed && startMs > (cleared.get(key) ?? clearedMs)) keep(key, denied);
    });
  }

  return {
    openFor: (host) => ({
      // The clock is not read if no denial is remembered, which is true for most decisions.
      find: (claims, { nowMs }) => (denials.size === 0 ? undefined : find(host, claims, nowMs ?? performance.now())),
      note(claims, outcome, { deadlineMs = 0, nowMs }) {
        if (outcome.allowed && denials.size === 0) return;
        note(host.storeDecides, claims, outcome, deadlineMs - host.timeoutMs, nowMs ?? performance.now());
      },
    }),

    clear(key) {
      forget(key);
      cleared.delete(key);
      cleared.set(key, performance.now());
      if (cleared.size <= MAX_CLEARED) return;
      const [oldest] = cleared as Iterable<[string, number]>;
      if (oldest === undefined) return;
      clearedMs = oldest[1];
      cleared.delete(oldest[0]);
    },
  };
}

/** A copy of a claim that outlives its request. */
function kept(claim: Claim): Claim {
  return { ...claim, key: copyOfKey(claim.key) };
}

/** How long a denial stays correct. */
function lastsMs({ findings }: Outcome, maxAgeMs: number): number {
  let ms = maxAgeMs;
  for (const { allowed, retryAfterMs, resetAfterMs } of findings) {
    if (!allowed && retryAfterMs !== undefined) ms = Math.min(ms, retryAfterMs);
    if (resetAfterMs > 0) ms = Math.min(ms, resetAfterMs);
  }
  return ms;
}

/**
 * The findings for claims from an earlier denial. `remaining` is a lower bound: nothing was charged since then, and refills
 * are not counted. A higher cost takes at least as long to fit.
 */
function findingsFor(
  claims: readonly Claim[],
  { claims: known, outcome }: Denied,
  elapsedMs: number,
): readonly ClaimFinding[] | undefined {
  const findings: ClaimFinding[] = [];
  for (const { scope, key, policy, cost } of claims) {
    const i = known.findIndex((other) => other.key === key && other.scope === scope && other.policy === policy);
    const [claim, finding] = [known[i], outcome.findings[i]];
    if (claim === undefined || finding === undefined) return undefined;
    if (finding.allowed ? cost > finding.remaining : cost < claim.cost) return undefined;
    findings.push({
      ...finding,
      retryAfterMs:
        finding.allowed || finding.retryAfterMs === undefined ? finding.retryAfterMs : finding.retryAfterMs - elapsedMs,
      resetAfterMs: Math.max(0, finding.resetAfterMs - elapsedMs),
    });
  }
  // The admission may have been denied because of another limiter's claims.
  return findings.some(({ allowed }) => !allowed) ? findings : undefined;
}
