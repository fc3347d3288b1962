import type { Policy, Quota } from "../algorithm/policy.js";
import type { Decider } from "../limiter/decider.js";
import type { Limiter } from "../limiter/limiter.js";
import type { LimiterOptions } from "../limiter/options.js";
import type { Outage } from "../limiter/outage.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";
import type { Store } from "../store/store.js";
import { type FieldWriter, fieldWriter, formsOf } from "./headers/writer.js";
import { isLimiter, type LimitOptionsOf, limiterOptionsOf, type Policies } from "./limit-options.js";
import { identityOf } from "./shared-counts.js";
import type { Warn } from "./warnings.js";

/** The limiter that decides a request, and the writer of its fields. */
export interface Plan<L extends Decider = Decider> {
  readonly limiter: L;
  readonly write: FieldWriter;
  /** The same object for all plans that share their counts. */
  readonly counts: object;
}

/**
 * Creates the factory that finds the plans of requests. Each guard opens it with its own function for warnings.
 *
 * @param create creates a limiter on a store, which reports to the given outage or to a new one
 * @throws SluiceError for invalid limiter options and headers
 */
export function planSource<Req, L extends Decider & { readonly outage: Outage }>(
  storeOrLimiter: Store | Limiter,
  policies: Policies<Req> | undefined,
  options: LimitOptionsOf<Req>,
  create: (options: LimiterOptions, outage?: Outage) => L,
): (warn: Warn) => (request: Req) => MaybePromise<Plan<L | Limiter>> {
  const { headers, legacyReset = "epoch", unit } = options;
  const forms = formsOf(headers);
  const writerOf = ({ policies: all, quotas }: Decider): FieldWriter => {
    const advertised = all.map((policy, i) => ({ policy, ...(quotas[i] as Quota), unit }));
    return fieldWriter(forms, advertised, legacyReset);
  };
  if (typeof policies === "function" && !isLimiter(storeOrLimiter)) {
    const limiterOptions = { ...limiterOptionsOf(options), store: storeOrLimiter };
    // Finds mistakes in the other options now instead of in the first request.
    const { outage } = create(limiterOptions);
    const find = planFinder((some) => {
      // If the store fails, it fails for all plans, so they report one outage.
      const limiter = create({ ...limiterOptions, policies: some }, outage);
      return { limiter, write: writerOf(limiter), counts: limiter };
    });
    return () => (request) => after(policies(request), find);
  }
  const limiter: L | Limiter = isLimiter(storeOrLimiter)
    ? storeOrLimiter
    : create({
        ...limiterOptionsOf(options),
        store: storeOrLimiter,
        policies: policies as Exclude<typeof policies, (request: Req) => unknown>,
      });
  const write = writerOf(limiter);
  return (warn) => {
    const plan = { limiter, write, counts: identityOf(limiter.store, limiter, warn) };
    return () => plan;
  };
}

/**
 * How many plans are kept, at about 6 kB each. Plans hold no counts, so one that is created again continues where it was.
 */
const MAX_PLANS = 250;

/** A plan that is kept until other plans replace it. */
interface Kept<L extends Decider> {
  plan: Plan<L> | undefined;
  /** True if it was used since the last search for plans to drop. */
  used: boolean;
}

/** Creates the function that finds the plan for policies, which may be new objects for each request. */
function planFinder<L extends Decider>(
  make: (policies: readonly Policy[]) => Plan<L>,
): (policies: Policy | readonly Policy[]) => Plan<L> {
  // An app may keep a policy for each tenant, so the policy object must not keep its plan in memory.
  const byIdentity = new WeakMap<object, { policies: readonly Policy[]; kept: Kept<L> }>();
  const byContent = new Map<string, Kept<L>>();

  /** Drops the oldest plan that was not used lately. */
  function dropOne(): void {
    for (const [content, kept] of byContent) {
      byContent.delete(content);
      if (kept.used) {
        kept.used = false;
        byContent.set(content, kept);
      } else {
        kept.plan = undefined;
        return;
      }
    }
  }

  function keep(policies: readonly Policy[]): Kept<L> {
    const content = JSON.stringify(policies);
    const known = byContent.get(content);
    if (known !== undefined) {
      known.used = true;
      return known;
    }
    const kept: Kept<L> = { plan: make(policies), used: true };
    byContent.set(content, kept);
    if (byContent.size > MAX_PLANS) dropOne();
    return kept;
  }

  return (given) => {
    const known = byIdentity.get(given);
    if (known?.kept.plan !== undefined && sameMembers(known.policies, given)) {
      known.kept.used = true;
      return known.kept.plan;
    }
    const policies = [given].flat() as readonly Policy[];
    const kept = keep(policies);
    if (policies.every((policy) => Object.isFrozen(policy))) byIdentity.set(given, { policies, kept });
    return kept.plan as Plan<L>;
  };
}

/** An array is compared by its members, because it is not frozen like its policies. */
function sameMembers(policies: readonly Policy[], given: Policy | readonly Policy[]): boolean {
  if (!Array.isArray(given)) return true;
  return given.length === policies.length && policies.every((policy, i) => given[i] === policy);
}
