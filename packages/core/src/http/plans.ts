import type { Policy, Quota } from "../algorithm/policy.js";
import { coreOf } from "../limiter/core-of.js";
import { createLimiterCore, type Decider } from "../limiter/decider.js";
import type { Limiter } from "../limiter/limiter.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";
import type { Store } from "../store/store.js";
import type { Diagnostics } from "./diagnostics.js";
import { type FieldWriter, fieldWriter } from "./headers/writer.js";
import { checkForms, type GuardOptions, isLimiter, limiterOptionsOf } from "./options.js";
import { identityOf } from "./shared-counts.js";

/** What decides a request: a limiter, with the writer of its fields. */
export interface Plan {
  readonly limiter: Decider;
  readonly write: FieldWriter;
  /** The same for all plans that count together. */
  readonly counts: object;
}

type Policies = Policy | readonly Policy[];

/**
 * Makes the function that finds the plan of a request.
 *
 * @throws SluiceError for limiter options and headers that are not what they should be
 */
export function planSource<Req>(
  storeOrLimiter: Store | Limiter,
  options: GuardOptions<Req, unknown>,
  diagnostics: Diagnostics,
): (request: Req) => MaybePromise<Plan> {
  const { policies, headers, legacyReset = "epoch", unit } = options;
  const forms = checkForms(headers);
  const planOf = (limiter: Decider, counts: object): Plan => {
    const advertised = limiter.policies.map((policy, i) => ({ policy, ...(limiter.quotas[i] as Quota), unit }));
    return { limiter, write: fieldWriter(forms, advertised, legacyReset), counts };
  };
  if (isLimiter(storeOrLimiter)) {
    const store = coreOf(storeOrLimiter)?.store;
    const counts = store === undefined ? storeOrLimiter : identityOf(store, storeOrLimiter, diagnostics);
    const plan = planOf(storeOrLimiter, counts);
    return () => plan;
  }
  const limiterOptions = { ...limiterOptionsOf(options), store: storeOrLimiter };
  if (typeof policies === "function") {
    // Finds mistakes in the other options now, and not in the first request.
    createLimiterCore(limiterOptions);
    const find = planFinder((some) => {
      const limiter = createLimiterCore({ ...limiterOptions, policies: some });
      return planOf(limiter, limiter);
    });
    return (request) => after(policies(request), find);
  }
  const limiter = createLimiterCore(policies === undefined ? limiterOptions : { ...limiterOptions, policies });
  const plan = planOf(limiter, identityOf(storeOrLimiter, limiter, diagnostics));
  return () => plan;
}

/** How many plans are kept, at some 6 kB each. A limiter keeps no counts, so one that is created again continues where it was. */
const MAX_PLANS = 250;

/** A plan that is kept until others take its place. */
interface Kept {
  plan: Plan | undefined;
  /** Whether it was found since others last took a place. */
  used: boolean;
}

/** Creates the function that finds the plan for policies, which may be new objects for each request. */
function planFinder(make: (policies: readonly Policy[]) => Plan): (policies: Policies) => Plan {
  // An app may keep a policy for each tenant, so an object must not keep a plan alive.
  const byIdentity = new WeakMap<object, { policies: readonly Policy[]; kept: Kept }>();
  const byContent = new Map<string, Kept>();

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

  function keep(policies: readonly Policy[]): Kept {
    const content = JSON.stringify(policies);
    const known = byContent.get(content);
    if (known !== undefined) {
      known.used = true;
      return known;
    }
    const kept: Kept = { plan: make(policies), used: true };
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
    return kept.plan as Plan;
  };
}

/** An array is not frozen as its policies are. */
function sameMembers(policies: readonly Policy[], given: Policies): boolean {
  if (!Array.isArray(given)) return true;
  return given.length === policies.length && policies.every((policy, i) => given[i] === policy);
}
