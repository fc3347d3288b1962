import { type Clock, createLimiter, type Duration, type Limiter, type LimiterOptions, type Store } from "@sluice/core";
import { invalidOption, rejectUnknown } from "@sluice/core/store";
import { type Blocklist, type BlocklistOptions, createBlocklist } from "./blocklist/blocklist.js";
import { type Clients, type ClientsOptions, createClients } from "./clients/clients.js";
import { createDebouncer, DEBOUNCE, type Debouncer, type DebouncerOptions } from "./debounce.js";
import { checkPrefix } from "./records.js";

/** What the options of a part of {@link ProtectionsOptions} leave to the whole. */
type Own<Options extends { store: Store }> = Partial<Omit<Options, "store" | "prefix" | "clock">>;

/** Options of {@link createProtections}. */
export interface ProtectionsOptions {
  /** Where everything is kept. It stays the app's to close. `openStore` of `@sluice/storage` opens one by its URL. */
  store: Store;
  /**
   * Starts every stored key, so that several apps can share a database: 1 to 128 printable ASCII characters. Default
   * `"sluice"`.
   */
  namespace?: string | undefined;
  /**
   * What limiter, debouncer and blocklist say while the store fails; each may say otherwise. Default false. The registry
   * of clients has no such choice: who is registered is not known then.
   */
  failOpen?: boolean | undefined;
  /** The longest that anything waits for the store; each part may say otherwise. Default `"500ms"`. */
  timeout?: Duration | undefined;
  /** For tests: replaces the store's clock. */
  clock?: Clock | undefined;
  /** Of the limiter: `policies`, `autoBlock` and so on. Default 100 requests a second. */
  limiter?: Own<LimiterOptions> | undefined;
  /** Of the debouncer. Its window is 1 s by default. */
  debounce?: Own<DebouncerOptions> | undefined;
  /** Of the blocklist. */
  blocklist?: Own<BlocklistOptions> | undefined;
  /** Of the registry of clients. */
  clients?: Own<ClientsOptions> | undefined;
}

/** A limiter, a debouncer, a blocklist and a registry of clients on one store. */
export interface Protections {
  readonly store: Store;
  readonly limiter: Limiter;
  readonly debouncer: Debouncer;
  readonly blocklist: Blocklist;
  readonly clients: Clients;
  /** Closes the limiter and the debouncer. The store stays open. */
  close(): Promise<void>;
}

const OPTIONS = [
  "store",
  "namespace",
  "failOpen",
  "timeout",
  "clock",
  "limiter",
  "debounce",
  "blocklist",
  "clients",
] as const satisfies (keyof ProtectionsOptions)[];

/**
 * Creates all protections on one store. The adapters' `protect` takes what it returns.
 *
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { tokenBucket } from "@sluice/core";
 * import { createProtections } from "@sluice/protections";
 * import { openStore } from "@sluice/storage";
 *
 * const store = await openStore("memory:"); // or "redis://localhost:6379", "postgres://localhost/app", "sqlite:state.db" …
 * const protections = await createProtections({
 *   store,
 *   namespace: "shop",
 *   limiter: { policies: tokenBucket({ rate: 20, burst: 100 }) },
 *   debounce: { window: "5s" },
 * });
 * await protections.blocklist.block("203.0.113.7", { for: "1h" });
 * await protections.close();
 * await store.close();
 * ```
 */
export async function createProtections(options: ProtectionsOptions): Promise<Protections> {
  rejectUnknown(options, OPTIONS, "createProtections");
  const { store, namespace, failOpen, timeout, clock } = options;
  if (namespace !== undefined) checkPrefix(namespace, "namespace");
  const shared = {
    ...(timeout !== undefined && { timeout }),
    store,
    ...(namespace !== undefined && { prefix: namespace }),
    ...(clock !== undefined && { clock }),
  };
  const open = failOpen === undefined ? {} : { failOpen };
  const own = <T extends object>(part: keyof ProtectionsOptions & string, given: T | undefined): T | object => {
    if (given === undefined) return {};
    if (typeof given !== "object" || given === null) throw invalidOption(part, given, "give an object with options");
    for (const name of ["store", "prefix", "clock"]) {
      if (name in given)
        throw invalidOption(
          `${part}.${name}`,
          (given as Record<string, unknown>)[name],
          "it is the same for all parts",
        );
    }
    return given;
  };
  const limiter = createLimiter({ ...open, ...shared, ...own("limiter", options.limiter) });
  if (limiter.policies.some(({ name }) => name === DEBOUNCE)) {
    throw invalidOption("limiter.policies", DEBOUNCE, "the debouncer has this name: give the policy another one");
  }
  const debouncer = createDebouncer({ ...open, ...shared, window: "1s", ...own("debounce", options.debounce) });
  const blocklist = createBlocklist({ ...open, ...shared, ...own("blocklist", options.blocklist) });
  const clients = createClients({ ...shared, ...own("clients", options.clients) });
  return {
    store,
    limiter,
    debouncer,
    blocklist,
    clients,
    async close() {
      await Promise.all([limiter.close(), debouncer.close()]);
    },
  };
}
