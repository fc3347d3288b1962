import type { Policy, Quota } from "../algorithm/policy.js";
import type { SluiceError } from "../errors.js";
import type { ClaimFinding, Outcome } from "../store/store.js";
import type { LimiterKey } from "./claims.js";
import type { Decision, DecisionSource, PolicyDecision } from "./decision.js";

/** The data that all decisions of one limiter share. */
export interface DecisionTerms {
  readonly policies: readonly Policy[];
  readonly quotas: readonly Quota[];
  /** The source of the decisions if the store answers. */
  readonly source: DecisionSource;
}

/** What a granted decision charged, for its refund. */
export interface Charge {
  readonly key: LimiterKey;
  readonly cost: number;
  /** The window that each policy charged. */
  readonly epochsMs: readonly number[];
  /** The time by the store's clock at that moment. */
  readonly chargedAtMs: number;
}

const NONE: readonly string[] = Object.freeze([]);

/**
 * A decision by the store. With one policy, as most limiters have, this object holds a copy of everything, and the lists
 * are created when they are first read. A decision in memory takes a tenth of a microsecond, so garbage would slow it down.
 */
class StoreDecision implements Decision {
  readonly allowed: boolean;
  readonly cost: number;
  readonly limit: number;
  readonly remaining: number;
  readonly retryAfterMs: number | undefined;
  readonly resetAfterMs: number;
  readonly source: DecisionSource;
  readonly #terms: DecisionTerms;
  readonly #key: LimiterKey;
  readonly #blocked: boolean;
  readonly #epochMs: number;
  readonly #chargedAtMs: number;
  #epochsMs: readonly number[] | undefined;
  #policies: readonly PolicyDecision[] | undefined;
  #refundable: boolean;

  constructor(
    terms: DecisionTerms,
    key: LimiterKey,
    cost: number,
    charged: boolean,
    quota: Quota,
    finding: ClaimFinding | PolicyDecision,
    epochMs: number,
    chargedAtMs: number,
    policies: readonly PolicyDecision[] | undefined,
    epochsMs: readonly number[] | undefined,
  ) {
    this.allowed = finding.allowed;
    this.cost = cost;
    this.limit = quota.limit;
    this.remaining = finding.remaining;
    this.retryAfterMs = finding.retryAfterMs;
    this.resetAfterMs = finding.resetAfterMs;
    this.source = terms.source;
    this.#terms = terms;
    this.#key = key;
    this.#blocked = finding.blocked;
    this.#epochMs = epochMs;
    this.#chargedAtMs = chargedAtMs;
    this.#epochsMs = epochsMs;
    this.#policies = policies;
    this.#refundable = charged;
  }

  get policies(): readonly PolicyDecision[] {
    this.#policies ??= [
      {
        policy: this.#terms.policies[0] as Policy,
        allowed: this.allowed,
        limit: this.limit,
        windowMs: (this.#terms.quotas[0] as Quota).windowMs,
        remaining: this.remaining,
        retryAfterMs: this.retryAfterMs,
        resetAfterMs: this.resetAfterMs,
        blocked: this.#blocked,
      },
    ];
    return this.#policies;
  }

  get violated(): readonly string[] {
    if (this.allowed) return NONE;
    return this.policies.filter(({ allowed }) => !allowed).map(({ policy }) => policy.name);
  }

  /** The properties that `JSON.stringify` and `console.log` show: all but the key. */
  toJSON(): Decision {
    return { ...this, policies: this.policies, violated: this.violated };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): Decision {
    return this.toJSON();
  }

  static takeCharge(decision: Decision, terms: DecisionTerms): Charge | "foreign" | undefined {
    if (!(#refundable in decision)) return undefined;
    if (!decision.#refundable) return undefined;
    if (decision.#terms !== terms) return "foreign";
    decision.#refundable = false;
    return {
      key: decision.#key,
      cost: decision.cost,
      epochsMs: decision.#epochsMs ?? [decision.#epochMs],
      chargedAtMs: decision.#chargedAtMs,
    };
  }

  static returnCharge(decision: Decision): void {
    if (#refundable in decision) decision.#refundable = true;
  }
}

/**
 * The charge of a granted decision, the first time it is taken. `"foreign"` for a decision of another limiter. `undefined`
 * if nothing was charged or the charge was already taken.
 */
export function takeCharge(decision: Decision, terms: DecisionTerms): Charge | "foreign" | undefined {
  return StoreDecision.takeCharge(decision, terms);
}

/** Undoes {@link takeCharge} if the refund was not sent, so that it may be retried. */
export function returnCharge(decision: Decision): void {
  StoreDecision.returnCharge(decision);
}

/** Creates a decision from the store's answer. Copies all that it needs from the outcome. */
export function decisionOf(
  terms: DecisionTerms,
  key: LimiterKey,
  cost: number,
  charge: boolean,
  outcome: Outcome,
): Decision {
  const charged = outcome.allowed && charge;
  if (outcome.findings.length !== 1) return decisionOfSeveral(terms, key, cost, charged, outcome);
  const finding = outcome.findings[0] as ClaimFinding;
  const quota = terms.quotas[0] as Quota;
  return new StoreDecision(
    terms,
    key,
    cost,
    charged,
    quota,
    finding,
    finding.epochMs,
    outcome.nowMs,
    undefined,
    undefined,
  );
}

function decisionOfSeveral(
  terms: DecisionTerms,
  key: LimiterKey,
  cost: number,
  charged: boolean,
  { nowMs, findings }: Outcome,
): Decision {
  const { quotas, policies } = terms;
  const all = findings.map((finding, i): PolicyDecision => {
    const { epochMs: _, ...found } = finding;
    return { policy: policies[i] as Policy, ...(quotas[i] as Quota), ...found };
  });
  const binding = bindingOf(all);
  const epochsMs = findings.map(({ epochMs }) => epochMs);
  return new StoreDecision(terms, key, cost, charged, binding, binding, 0, nowMs, all, epochsMs);
}

/**
 * The binding policy. On a denial, the violated policy that takes longest to allow the cost. Otherwise the policy with the
 * least remaining. Of two equal ones, the policy that takes longer to reset.
 */
function bindingOf(policies: readonly PolicyDecision[]): PolicyDecision {
  return policies.reduce((binding, other) => (binds(other, binding) ? other : binding));
}

function binds(a: PolicyDecision, b: PolicyDecision): boolean {
  if (a.allowed !== b.allowed) return !a.allowed;
  const [waitA, waitB] = [a.retryAfterMs ?? Number.POSITIVE_INFINITY, b.retryAfterMs ?? Number.POSITIVE_INFINITY];
  if (waitA !== waitB) return waitA > waitB;
  if (a.remaining !== b.remaining) return a.remaining < b.remaining;
  return a.resetAfterMs > b.resetAfterMs;
}

/** The decision if the store did not answer. */
export function decisionWithoutStore(cost: number, quota: Quota, failOpen: boolean, error: SluiceError): Decision {
  return {
    allowed: failOpen,
    cost,
    limit: quota.limit,
    remaining: 0,
    retryAfterMs: failOpen ? 0 : undefined,
    resetAfterMs: 0,
    policies: [],
    violated: NONE,
    source: failOpen ? "failOpen" : "failClosed",
    error,
  };
}
