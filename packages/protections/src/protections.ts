import { type Clock, createLimiter, type Duration, type Limiter, type LimiterOptions, type Store } from "@sluice/core";
import { invalidOption, rejectUnknown } from "@sluice/core/store";
import { type Blocklist, type BlocklistOptions, createBlocklist } from "./blocklist/blocklist.js";
import { type Clients, type ClientsOptions, createClients } from "./clients/clients.js";
import { createDebouncer, DEBOUNCE, type Debouncer, type DebouncerOptions } from "./debounce.js";
import { checkPrefix } from "./records.js";
import { OPEN_STORE_OPTIONS, type OpenStoreOptions, openStore } from "./storage/open-store.js";

/** What the options of a part of {@link ProtectionsOptions} leave to the whole. */
type Own<Options extends { store: Store }> = Partial<Omit<Options, "store" | "prefix" | "clock">>;

/** Options of {@link createProtections}. */
export interface ProtectionsOptions extends OpenStoreOptions {
  /** Where everything is kept, as {@link openStore} takes it. It is closed with the protections. */
  storage?: string | undefined;
  /** A store instead, which stays the app's to close. */
  store?: Store | undefined;
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
  /** Closes the limiter and the debouncer, and the store where it was opened by its setting. */
  close(): Promise<void>;
}

const OPTIONS = [
  ...OPEN_STORE_OPTIONS,
  "storage",
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
 * Makes all protections on the store that one setting names. The adapters' `protect` takes what it returns.
 *
 * @throws SluiceError for any option that is not what it should be, and as {@link openStore} does
 *
 * @example
 * ```ts
 * import { tokenBucket } from "@sluice/core";
 * import { createProtections } from "@sluice/protections";
 *
 * const protections = await createProtections({
 *   storage: "memory:", // or "redis://localhost:6379", "postgres://localhost/app", "sqlite:state.db" …
 *   namespace: "shop",
 *   limiter: { policies: tokenBucket({ rate: 20, burst: 100 }) },
 *   debounce: { window: "5s" },
 * });
 * await protections.blocklist.block("203.0.113.7", { for: "1h" });
 * await protections.close();
 * ```
 */
export async function createProtections(options: ProtectionsOptions): Promise<Protections> {
  rejectUnknown(options, OPTIONS, "createProtections");
  const { storage, store } = options;
  const opening = Object.fromEntries(OPEN_STORE_OPTIONS.map((name) => [name, options[name]]));
  if ((storage === undefined) === (store === undefined)) {
    throw invalidOption("storage", storage, 'give either a storage setting, such as "memory:", or a store');
  }
  if (store !== undefined) {
    for (const [name, value] of Object.entries(opening)) {
      if (value !== undefined) throw invalidOption(name, value, "it is for a storage setting; a store is open");
    }
    return on(store, options, async () => {});
  }
  // Finds what is wrong with the options before a server is asked for anything.
  on(NO_STORE, options, async () => {});
  const opened = await openStore(storage as string, opening);
  return on(opened, options, () => opened.close());
}

/** Keeps nothing, and is never asked. */
const NO_STORE: Store = {
  atomicUpdate: async () => undefined,
  delete: async () => {},
  close: async () => {},
};

function on(store: Store, options: ProtectionsOptions, closeStore: () => Promise<void>): Protections {
  const { namespace, failOpen, timeout, clock } = options;
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
      await closeStore();
    },
  };
}
