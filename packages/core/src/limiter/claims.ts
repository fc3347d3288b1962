import type { Policy } from "../algorithm/policy.js";
import { SluiceError, show } from "../errors.js";
import { scopeOf } from "../store/entry-key.js";
import type { Claim } from "../store/store.js";

/**
 * The key to limit: one key for all policies, or a key for each policy by the policy's name, as in `{ perAddress:
 * "192.0.2.1", perUser: "42", everyone: "all" }`. Any non-empty string is a key.
 */
export type LimiterKey = string | Readonly<Record<string, string>>;

/** A copy of the key, so that later changes to the caller's object have no effect. */
export function heldKey(key: LimiterKey): LimiterKey {
  return typeof key === "string" ? key : { ...key };
}

/** A claim that is used again for each request. */
interface ReusedClaim extends Claim {
  key: string;
  cost: number;
}

/** Creates the claims of a request. `all`, `reused` and `one` throw a SluiceError `INVALID_KEY`. */
export interface ClaimMaker {
  /** A claim for every policy. */
  all(key: LimiterKey, cost: number): readonly Claim[];
  /** Like `all`, for a store that keeps no claims: the result is valid until the next call. */
  reused(key: LimiterKey, cost: number): readonly Claim[];
  /** The claim of one policy, from a key for each policy. */
  one(policy: Policy, key: Readonly<Record<string, string>>): Claim;
  /** Throws unless the key is an object with names of the limiter's policies. */
  checkNames(key: LimiterKey): void;
}

export function claimMaker(policies: readonly Policy[], prefix: string): ClaimMaker {
  const scopes = policies.map((policy) => scopeOf(prefix, policy));
  const [onlyPolicy] = policies as [Policy];
  const [onlyScope] = scopes as [string];
  const names = policies.map(({ name }) => name);
  const reused = policies.map((policy, i): ReusedClaim => ({ scope: scopes[i] as string, key: "", policy, cost: 1 }));

  function forAll(key: string, cost: number): readonly Claim[] {
    if (key === "") throw invalidKey("key", key);
    if (policies.length === 1) return [{ scope: onlyScope, key, policy: onlyPolicy, cost }];
    return policies.map((policy, i) => ({ scope: scopes[i] as string, key, policy, cost }));
  }

  function checkNames(key: LimiterKey): void {
    if (typeof key !== "object" || key === null || Array.isArray(key)) throw invalidKey("key", key);
    const stranger = Object.keys(key).find((name) => !names.includes(name));
    if (stranger !== undefined) {
      const known = names.map(show).join(", ");
      throw new SluiceError("INVALID_KEY", `the key has an unknown policy ${show(stranger)}; the limiter has ${known}`);
    }
  }

  function forOne(policy: Policy, i: number, key: Readonly<Record<string, string>>, cost: number): Claim {
    const own = Object.hasOwn(key, policy.name) ? key[policy.name] : undefined;
    if (typeof own !== "string" || own === "") throw invalidKey(`key for policy ${show(policy.name)}`, own);
    return { scope: scopes[i] as string, key: own, policy, cost };
  }

  const maker: ClaimMaker = {
    reused(key, cost) {
      if (typeof key !== "string" || key === "") return maker.all(key, cost);
      for (let i = 0; i < reused.length; i++) {
        const claim = reused[i] as ReusedClaim;
        claim.key = key;
        claim.cost = cost;
      }
      return reused;
    },
    all(key, cost) {
      if (typeof key === "string") return forAll(key, cost);
      checkNames(key);
      return policies.map((policy, i) => forOne(policy, i, key, cost));
    },
    one: (policy, key) => forOne(policy, policies.indexOf(policy), key, 1),
    checkNames,
  };
  return maker;
}

/**
 * A claim for every policy if the key is a string, otherwise only for the policies that it names.
 *
 * @throws SluiceError `INVALID_KEY`
 */
export function claimsNamed(claims: ClaimMaker, policies: readonly Policy[], key: LimiterKey): readonly Claim[] {
  if (typeof key === "string") return claims.all(key, 1);
  claims.checkNames(key);
  const named = policies.filter(({ name }) => Object.hasOwn(key, name));
  if (named.length === 0) throw invalidKey("key", key);
  return named.map((policy) => claims.one(policy, key));
}

/** Reports the type of the key but not its value, because keys are often personal. */
function invalidKey(what: string, value: unknown): SluiceError {
  const found = value === "" ? "an empty string" : show(value);
  return new SluiceError("INVALID_KEY", `${what} must be a non-empty string, got ${found}`);
}
