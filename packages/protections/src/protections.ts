import {
  type BreakerOptions,
  type Clock,
  createLimiter,
  type Duration,
  type Limiter,
  type LimiterOptions,
  type Store,
} from "@sluice/core";
import { checkOptions, invalidOption, type Rule, type Rules } from "@sluice/core/store";
import { type Blocklist, type BlocklistOptions, createBlocklist } from "./blocklist/blocklist.js";
import { createDebouncer, DEBOUNCE, type Debouncer, type DebouncerOptions } from "./once/debouncer.js";
import { createRegistry, type Registry, type RegistryOptions } from "./registry/registry.js";

/** Options of one protection. `store`, `prefix` and `clock` are missing because they are the same for all. */
export type PartOptions<Options extends { store: Store }> = Partial<Omit<Options, "store" | "prefix" | "clock">>;

/** Options of {@link createProtections}. */
export interface ProtectionsOptions {
  /**
   * The store of all protections. It stays open when they are closed. `openStore` of `@sluice/storage` opens a store by its
   * URL.
   */
  store: Store;
  /**
   * The start of every stored key, so that several apps can share a database: 1 to 128 printable ASCII characters. Default
   * `"sluice"`.
   */
  prefix?: string | undefined;
  /**
   * True to let requests through limiter, debouncer and blocklist while the store fails. Each of them may override it.
   * Default false. The registry has no such option: without the store it is unknown which clients are registered.
   */
  failOpen?: boolean | undefined;
  /** The longest wait for the store. Each protection may override it. Default `"500ms"`. */
  timeout?: Duration | undefined;
  /**
   * The circuit breaker that all share. Each protection may override it. Default for remote stores: see
   * {@link LimiterOptions}.
   */
  breaker?: BreakerOptions | false | undefined;
  /** For tests: replaces the store's clock. */
  clock?: Clock | undefined;
  /** Options of the limiter, such as `policies` and `autoBlock`. Default: 100 requests a second. */
  limiter?: PartOptions<LimiterOptions> | undefined;
  /** Options of the debouncer. Its window is 1 s by default. */
  debounce?: PartOptions<DebouncerOptions> | undefined;
  /** Options of the blocklist. */
  blocklist?: PartOptions<BlocklistOptions> | undefined;
  /**
   * Options of the registry of clients. Without this option there is no registry. With it, even empty, `protect` lets only
   * registered clients through.
   */
  registry?: PartOptions<RegistryOptions> | undefined;
}

const PART: Rule = {
  is: (options) => typeof options === "object" && options !== null,
  must: "be an object with options",
};

/** A limiter, a debouncer, a blocklist and, if configured, a registry on one store. */
export interface Protections {
  readonly store: Store;
  readonly limiter: Limiter;
  readonly debouncer: Debouncer;
  readonly blocklist: Blocklist;
  readonly registry: Registry | undefined;
  /** Closes the limiter and the debouncer. The store stays open. */
  close(): Promise<void>;
}

const RULES: Rules<ProtectionsOptions> = {
  store: "any",
  prefix: { characters: 128 },
  failOpen: "boolean",
  timeout: "any",
  breaker: "any",
  clock: "any",
  limiter: PART,
  debounce: PART,
  blocklist: PART,
  registry: PART,
};

/**
 * Creates all protections on one store. Pass the result to the adapters' `protect`.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { tokenBucket } from "@sluice/core";
 * import { createProtections } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const protections = createProtections({
 *   store: memoryStore(),
 *   prefix: "shop",
 *   limiter: { policies: tokenBucket({ rate: 20, burst: 100 }) },
 *   debounce: { window: "5s" },
 * });
 * await protections.blocklist.block("203.0.113.7", { for: "1h" });
 * await protections.close();
 * await store.close();
 * ```
 */
export function createProtections(
  options: ProtectionsOptions & { readonly registry: PartOptions<RegistryOptions> },
): Protections & { readonly registry: Registry };
export function createProtections(options: ProtectionsOptions): Protections;
export function createProtections(options: ProtectionsOptions): Protections {
  checkOptions(options, RULES, "createProtections");
  const { store, prefix, failOpen, timeout, breaker, clock } = options;
  const failure = { failOpen, timeout, breaker };
  const shared = { store, prefix, clock };
  const limiter = createLimiter({ ...failure, ...part("limiter", options.limiter), ...shared });
  if (limiter.policies.some(({ name }) => name === DEBOUNCE)) {
    throw invalidOption("limiter.policies", DEBOUNCE, "have a name that differs from the debouncer's");
  }
  const debounce = part("debounce", options.debounce);
  const debouncer = createDebouncer({ ...failure, ...debounce, window: debounce.window ?? "1s", ...shared });
  const blocklist = createBlocklist({ ...failure, ...part("blocklist", options.blocklist), ...shared });
  const registry =
    options.registry === undefined
      ? undefined
      : createRegistry({ timeout, breaker, ...part("registry", options.registry), ...shared });
  return {
    store,
    limiter,
    debouncer,
    blocklist,
    registry,
    async close() {
      await Promise.all([limiter.close(), debouncer.close()]);
    },
  };
}

/** The options of one protection. @throws SluiceError `INVALID_OPTION` for options that all protections share */
function part<Options extends object>(name: string, options: Options | undefined): Partial<Options> {
  if (options === undefined) return {};
  for (const shared of ["store", "prefix", "clock"]) {
    if (shared in options) {
      throw invalidOption(`${name}.${shared}`, Reflect.get(options, shared), "be set once, for all parts");
    }
  }
  return options;
}
