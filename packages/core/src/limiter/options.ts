import type { Algorithm } from "../algorithm/algorithm.js";
import { broughtBy, withAlgorithm } from "../algorithm/brought.js";
import { isBuiltIn, unknownAlgorithm } from "../algorithm/built-in.js";
import { COUNT, NAME, type Policy } from "../algorithm/policy.js";
import { tokenBucket } from "../algorithm/token-bucket.js";
import { type Duration, MAX_TIMER_MS, parseDuration } from "../duration.js";
import { invalidOption } from "../errors.js";
import { check, checkOptions, type Rules } from "../options.js";
import type { BreakerOptions } from "../store/breaker.js";
import type { DenyCacheOptions } from "../store/deny-cache.js";
import type { FallbackOptions } from "../store/remote-mark.js";
import { checkStore, type Store } from "../store/store.js";
import type { AttachableBlock, AutoBlock } from "./auto-block.js";
import type { Clock } from "./clock.js";
import { EVENT_RULES, type LimiterListeners } from "./events.js";

/** Options of `createLimiter`. */
export interface LimiterOptions {
  /** The store for the state. */
  store: Store;
  /** One policy, or several that are decided together: all grant or none does. Default {@link tokenBucket}`()`. */
  policies?: Policy | readonly Policy[] | undefined;
  /** Custom algorithms that `policies` may name. */
  algorithms?: readonly Algorithm[] | undefined;
  /**
   * The start of every stored key. Limiters with the same store, prefix and policy name share their counts. A limiter with
   * a custom algorithm shares only with others that have one, because it keeps its entries apart. Default `"sluice"`.
   */
  prefix?: string | undefined;
  /**
   * The store that decides while `store` fails, usually in memory: `memoryStore()`, or `{ store: memoryStore(), policies }`
   * for separate policies. Its counts are not carried over. Only for remote stores. Default: none.
   */
  fallback?: Store | FallbackOptions | undefined;
  /** True to allow requests while the store and any `fallback` fail. Default false: requests are denied. */
  failOpen?: boolean | undefined;
  /** The longest that a decision waits for the store. Default `"500ms"`. */
  timeout?: Duration | undefined;
  /**
   * The circuit breaker: stops calling a store that is down, and probes it with one decision at a time until it answers.
   * Default for remote stores: opens after 5 failures in a row, and probes every 500 ms.
   */
  breaker?: BreakerOptions | false | undefined;
  /**
   * Answers repeated requests for an exhausted key without the store. Default for remote stores: 10,000 keys, for up to 1
   * s. With `autoBlock`, which has to count denials, only blocked keys are answered this way.
   */
  denyCache?: DenyCacheOptions | false | undefined;
  /** Blocks clients that keep sending requests after a denial: see `escalatingBlock`. Default: none. */
  autoBlock?: AutoBlock | undefined;
  /** Listeners to add immediately. `limiter.on` adds more. */
  on?: LimiterListeners | undefined;
  /** For tests: replaces the store's clock and the timers of `wait`. */
  clock?: Clock | undefined;
}

/** The rules of {@link LimiterOptions}. Options with `"any"` are checked below or by the store's failure policy. */
export const LIMITER_RULES: Rules<LimiterOptions> = {
  store: "any",
  policies: "any",
  algorithms: "any",
  prefix: NAME,
  fallback: "any",
  failOpen: "boolean",
  timeout: "any",
  breaker: "any",
  denyCache: "any",
  autoBlock: { is: isAttachable, must: "be created by escalatingBlock" },
  on: "any",
  clock: { is: isClock, must: "have the functions nowMs and sleep" },
};

/** Options that have been checked. */
export interface CheckedOptions {
  readonly store: Store;
  /** Each policy has its algorithm attached. */
  readonly policies: readonly Policy[];
  readonly prefix: string;
  readonly failOpen: boolean;
  readonly timeoutMs: number;
  readonly autoBlock: AttachableBlock | undefined;
  readonly on: LimiterListeners;
  readonly clock: Clock | undefined;
}

/** @throws SluiceError for options that would fail later or let requests through */
export function checkLimiterOptions(options: LimiterOptions): CheckedOptions {
  checkOptions(options, LIMITER_RULES, "createLimiter");
  const {
    store,
    policies = tokenBucket(),
    prefix = "sluice",
    failOpen = false,
    timeout = 500,
    autoBlock,
    on = {},
    clock,
  } = options;
  checkOptions(on, EVENT_RULES, '"on"');
  return {
    store: checkStore(store),
    policies: checkPolicies(policies, checkAlgorithms(options.algorithms ?? [])),
    prefix,
    failOpen,
    timeoutMs: parseDuration(timeout, "timeout", MAX_TIMER_MS),
    autoBlock: autoBlock as AttachableBlock | undefined,
    on,
    clock,
  };
}

function isAttachable(autoBlock: unknown): boolean {
  return typeof (autoBlock as AttachableBlock | null)?.attach === "function";
}

function isClock(clock: unknown): boolean {
  const { nowMs, sleep } = (clock ?? {}) as Partial<Clock>;
  return typeof nowMs === "function" && typeof sleep === "function";
}

function checkAlgorithms(own: readonly Algorithm[]): ReadonlyMap<string, Algorithm> {
  if (!Array.isArray(own)) throw invalidOption("algorithms", own, "be an array of algorithms");
  const algorithms = new Map<string, Algorithm>();
  for (const algorithm of own) {
    if (typeof algorithm?.step !== "function" || typeof algorithm.quota !== "function") {
      throw invalidOption("algorithms", algorithm, "contain objects with a name and the functions quota and step");
    }
    check("algorithms.name", algorithm.name, NAME);
    if (algorithms.has(algorithm.name) || isBuiltIn(algorithm.name)) {
      throw invalidOption("algorithms", algorithm.name, "have unique names that no built-in algorithm uses");
    }
    algorithms.set(algorithm.name, algorithm);
  }
  return algorithms;
}

function checkPolicies(
  given: Policy | readonly Policy[],
  algorithms: ReadonlyMap<string, Algorithm>,
): readonly Policy[] {
  const policies: readonly Policy[] = Array.isArray(given) ? given : [given];
  if (policies.length === 0) {
    throw invalidOption("policies", given, "contain a policy, such as tokenBucket({ rate: 100 })");
  }
  const checked = policies.map((policy) => checkPolicy(policy, algorithms));
  const names = checked.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw invalidOption("policies", twice, "have unique names");
  }
  return checked;
}

const MADE_BY = 'be a policy, such as fixedWindow({ limit: 100, window: "1m" }) or tokenBucket({ rate: 100 })';

/** A policy may be plain data of a custom algorithm, so every policy is checked here. */
function checkPolicy(policy: Policy, algorithms: ReadonlyMap<string, Algorithm>): Policy {
  if (typeof policy !== "object" || policy === null) {
    throw invalidOption("policies", policy, MADE_BY);
  }
  if (policy.algorithm === undefined) throw invalidOption("policies", policy, MADE_BY);
  const algorithm = algorithms.get(policy.algorithm) ?? broughtBy(policy);
  if (algorithm === undefined) throw unknownAlgorithm(policy, [...algorithms.keys()]);
  const checked = algorithm.check?.(policy) ?? { ...policy };
  check("name", checked.name, NAME);
  const { limit, windowMs } = algorithm.quota(checked);
  check(`policies.${checked.name}: quota().limit`, limit, COUNT);
  check(`policies.${checked.name}: quota().windowMs`, windowMs, COUNT);
  return withAlgorithm(checked, algorithm);
}
