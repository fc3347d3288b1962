import type { Algorithm } from "../algorithm/algorithm.js";
import { builtInAlgorithms } from "../algorithm/built-in.js";
import { checkCount, checkName, type Policy } from "../algorithm/policy.js";
import { tokenBucket } from "../algorithm/token-bucket.js";
import { type Duration, MAX_TIMER_MS, parseDuration } from "../duration.js";
import { invalidOption, SluiceError, show } from "../errors.js";
import type { Store } from "../store/store.js";
import { rejectUnknown } from "../unknown-option.js";
import type { AttachableBlock, AutoBlock } from "./auto-block.js";
import type { Clock } from "./clock.js";
import type { Algorithms } from "./engine.js";
import { EVENT_NAMES, type LimiterListeners } from "./events.js";

/** Options of `createLimiter`. */
export interface LimiterOptions {
  /** Where state is kept. */
  store: Store;
  /** One policy, or several that are decided together: all grant or none does. Default {@link tokenBucket}`()`. */
  policies?: Policy | readonly Policy[] | undefined;
  /** Custom algorithms, which `policies` then may name. */
  algorithms?: readonly Algorithm[] | undefined;
  /**
   * Starts every stored key. Limiters with the same store, prefix and policy name share their counts, unless only one of
   * them has an algorithm of its own: it keeps its entries apart. Default `"sluice"`.
   */
  prefix?: string | undefined;
  /** Whether requests are allowed while the store fails. Default false: they are denied. */
  failOpen?: boolean | undefined;
  /** The longest that a decision waits for the store. Default `"500ms"`. */
  timeout?: Duration | undefined;
  /** Blocks clients that keep sending requests after being denied: see `escalatingBlock`. Default: none. */
  autoBlock?: AutoBlock | undefined;
  /** Listeners from the start; `limiter.on` adds more. */
  on?: LimiterListeners | undefined;
  /** For tests: replaces the store's clock and the timers of `wait`. */
  clock?: Clock | undefined;
}

/** The names of {@link LimiterOptions}. */
export const LIMITER_OPTIONS: readonly (keyof LimiterOptions)[] = [
  "store",
  "policies",
  "algorithms",
  "prefix",
  "failOpen",
  "timeout",
  "autoBlock",
  "on",
  "clock",
];

/** Options that have been checked. */
export interface CheckedOptions {
  readonly store: Store;
  readonly policies: readonly Policy[];
  readonly algorithms: Algorithms;
  readonly prefix: string;
  readonly failOpen: boolean;
  readonly timeoutMs: number;
  readonly autoBlock: AttachableBlock | undefined;
  readonly on: LimiterListeners;
  readonly clock: Clock | undefined;
}

/** @throws SluiceError for whatever would otherwise fail, or let requests through, later */
export function checkOptions(options: LimiterOptions): CheckedOptions {
  rejectUnknown(options, LIMITER_OPTIONS, "createLimiter");
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
  const algorithms = checkAlgorithms(options.algorithms ?? []);
  rejectUnknown(on, EVENT_NAMES, '"on"');
  for (const [event, listener] of Object.entries(on)) checkFunction(`on.${event}`, listener);
  if (typeof failOpen !== "boolean") throw invalidOption("failOpen", failOpen, "give true or false");
  checkName(prefix, "prefix");
  if (autoBlock !== undefined && !isAttachable(autoBlock)) {
    throw invalidOption("autoBlock", autoBlock, "give what escalatingBlock returns");
  }
  if (clock !== undefined && (typeof clock?.nowMs !== "function" || typeof clock.sleep !== "function")) {
    throw invalidOption("clock", clock, "a clock has the functions nowMs and sleep");
  }
  return {
    store: checkStore(store),
    policies: checkPolicies(policies, algorithms),
    algorithms,
    prefix,
    failOpen,
    timeoutMs: checkTimeout(timeout),
    autoBlock,
    on,
    clock,
  };
}

function isAttachable(autoBlock: AutoBlock): autoBlock is AttachableBlock {
  return typeof (autoBlock as AttachableBlock | null)?.attach === "function";
}

function checkTimeout(timeout: Duration): number {
  const timeoutMs = parseDuration(timeout, "timeout");
  if (timeoutMs > MAX_TIMER_MS) throw invalidOption("timeout", timeout, `give at most ${MAX_TIMER_MS} ms`);
  return timeoutMs;
}

/** @throws SluiceError `INVALID_STORE` */
export function checkStore(store: Store): Store {
  const methods = ["atomicUpdate", "delete", "close"] as const;
  const missing = methods.filter((method) => typeof store?.[method] !== "function");
  if (missing.length > 0) {
    const given = isRequest(store) ? "a request: call rateLimit when the app starts" : show(store);
    throw new SluiceError(
      "INVALID_STORE",
      `a store has ${missing.join(", ")}, got ${given}. Pass a store first, such as memoryStore() of @sluice/store-memory: ` +
        'rateLimit(memoryStore(), fixedWindow({ limit: 100, window: "1m" })), createLimiter({ store: memoryStore() })',
    );
  }
  return store;
}

/** Whether a framework called `rateLimit` itself, as if it were middleware. Koa and Hono pass a context with a request. */
function isRequest(value: unknown): boolean {
  const { method, req } = (value ?? {}) as { method?: unknown; req?: unknown };
  return method !== undefined || req !== undefined;
}

function checkFunction(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") throw invalidOption(option, value, "give a function");
}

function checkAlgorithms(own: readonly Algorithm[]): Algorithms {
  if (!Array.isArray(own)) throw invalidOption("algorithms", own, "give an array of algorithms");
  const algorithms = new Map(builtInAlgorithms);
  for (const algorithm of own) {
    if (typeof algorithm?.step !== "function" || typeof algorithm.quota !== "function") {
      throw invalidOption("algorithms", algorithm, "an algorithm has a name, quota and step");
    }
    checkName(algorithm.name);
    if (algorithms.has(algorithm.name)) {
      throw invalidOption("algorithms", algorithm.name, "an algorithm of that name exists; give yours another one");
    }
    algorithms.set(algorithm.name, algorithm);
  }
  return algorithms;
}

function checkPolicies(given: Policy | readonly Policy[], algorithms: Algorithms): readonly Policy[] {
  const policies: readonly Policy[] = Array.isArray(given) ? given : [given];
  if (policies.length === 0) {
    throw invalidOption("policies", given, "give at least one policy, such as tokenBucket({ rate: 100 })");
  }
  const checked = policies.map((policy) => checkPolicy(policy, algorithms));
  const names = checked.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw invalidOption("policies", twice, "two policies of one limiter have this name; give each its own");
  }
  return checked;
}

const MADE_BY = 'create policies as in fixedWindow({ limit: 100, window: "1m" }) or tokenBucket({ rate: 100 })';

/** A policy is plain data that may come from a file, so it is checked here whoever made it. */
function checkPolicy(policy: Policy, algorithms: Algorithms): Policy {
  if (typeof policy !== "object" || policy === null) {
    throw invalidOption("policies", policy, MADE_BY);
  }
  if (policy.algorithm === undefined) throw invalidOption("policies", policy, MADE_BY);
  const algorithm = algorithms.get(policy.algorithm);
  if (algorithm === undefined) {
    throw new SluiceError(
      "UNKNOWN_ALGORITHM",
      `policy ${show(policy.name)} has the algorithm ${show(policy.algorithm)}: ` +
        `known are ${[...algorithms.keys()].join(", ")}; add one of your own to the option "algorithms"`,
    );
  }
  const checked = algorithm.check?.(policy) ?? { ...policy };
  checkName(checked.name);
  const { limit, windowMs } = algorithm.quota(checked);
  checkCount(`policies.${checked.name}: quota().limit`, limit);
  checkCount(`policies.${checked.name}: quota().windowMs`, windowMs);
  return Object.freeze(checked);
}
