import type { Decider } from "../limiter/decider.js";
import { scopeOf } from "../store/entry-key.js";
import type { Store } from "../store/store.js";
import type { Diagnostics } from "./diagnostics.js";

/** What is counted on a store, by what starts the stored keys. */
interface Counts {
  readonly policies: Map<string, string>;
  readonly identities: Map<string, object>;
}

/** An app that creates limiters for tenants has more names than are worth a warning: the oldest are forgotten. */
const MAX_NAMES = 1_000;

const byStore = new WeakMap<Store, Counts>();

/**
 * The identity of a limiter's counts: limiters on one store with the same prefix and the same policies by name share it.
 * Warns where a policy of that name has other numbers, since the two then disagree about what was used.
 */
export function identityOf(store: Store, limiter: Decider, diagnostics: Diagnostics): object {
  const { policies, identities } = byStore.get(store) ?? { policies: new Map(), identities: new Map() };
  byStore.set(store, { policies, identities });
  const scopes = limiter.policies.map((policy) => scopeOf(limiter.prefix, policy));
  limiter.policies.forEach((policy, i) => {
    const scope = scopes[i] as string;
    const numbers = JSON.stringify(policy);
    if ((policies.get(scope) ?? numbers) !== numbers) {
      const what = `policy ${JSON.stringify(policy.name)} with the prefix ${JSON.stringify(limiter.prefix)}`;
      diagnostics.warn("POLICY_CONFLICT", `${what} has other numbers elsewhere on the same store.`);
    }
    keep(policies, scope, numbers);
  });
  const all = scopes.join("\n");
  const identity = identities.get(all) ?? {};
  keep(identities, all, identity);
  return identity;
}

function keep<V>(map: Map<string, V>, name: string, value: V): void {
  map.set(name, value);
  const [oldest] = map.keys();
  if (map.size > MAX_NAMES && oldest !== undefined) map.delete(oldest);
}
