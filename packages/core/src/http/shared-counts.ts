import type { LimiterKey } from "../limiter/claims.js";
import type { Decider } from "../limiter/decider.js";
import { scopeOf } from "../store/entry-key.js";
import type { Store } from "../store/store.js";
import type { Warn } from "./warnings.js";

/** The policies that count on a store, by the prefix of the stored keys. */
interface Counts {
  readonly policies: Map<string, string>;
  readonly identities: Map<string, object>;
}

/** An app with a limiter for each tenant has too many names to warn about: the oldest are forgotten. */
const MAX_NAMES = 1_000;

const byStore = new WeakMap<Store, Counts>();

/**
 * The identity of a limiter's counts. Limiters share it if they have the same store, the same prefix, and policies with the
 * same names. Warns if policies with one name have different numbers, because they then read the shared usage differently.
 */
export function identityOf(store: Store, limiter: Decider, warn: Warn): object {
  const { policies, identities } = byStore.get(store) ?? { policies: new Map(), identities: new Map() };
  byStore.set(store, { policies, identities });
  const scopes = limiter.policies.map((policy) => scopeOf(limiter.prefix, policy));
  limiter.policies.forEach((policy, i) => {
    const scope = scopes[i] as string;
    const numbers = JSON.stringify(policy);
    if ((policies.get(scope) ?? numbers) !== numbers) {
      const what = `policy ${JSON.stringify(policy.name)} with the prefix ${JSON.stringify(limiter.prefix)}`;
      warn("POLICY_CONFLICT", `${what} has different numbers elsewhere on the same store.`);
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

/** Configuration mistakes show in the first requests. Later requests do not pay for the search. */
const FIRST = 100;

/** The keys that were charged for a request so far, by the identity of the counts. */
const charged = new WeakMap<object, Map<object, string[]>>();

/** Creates the function that warns if one of the first requests is charged twice to the same counts and key. */
export function warnTwice(warn: Warn): (request: unknown, counts: object, key: LimiterKey) => void {
  let left = FIRST;
  return (request, counts, key) => {
    if (left === 0) return;
    left--;
    if (isChargedAgain(request, counts, key)) {
      warn("LIMITED_TWICE", "one request was charged twice to the same limit and key.");
    }
  };
}

function isChargedAgain(request: unknown, counts: object, key: LimiterKey): boolean {
  if (typeof request !== "object" || request === null) return false;
  const earlier = charged.get(request) ?? new Map<object, string[]>();
  charged.set(request, earlier);
  const keys = earlier.get(counts) ?? [];
  earlier.set(counts, keys);
  const text = textOf(key);
  const again = keys.includes(text);
  keys.push(text);
  return again;
}

/** Serialises a key for comparison. Invalid keys may give any text, because the limiter rejects them afterwards. */
function textOf(key: LimiterKey): string {
  if (typeof key === "string") return JSON.stringify(key);
  return JSON.stringify(Object.entries(key ?? {}).map(([name, own]) => [name, typeof own === "string" ? own : ""]));
}
