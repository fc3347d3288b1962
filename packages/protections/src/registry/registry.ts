import { type Duration, type MaybePromise, parseDuration } from "@sluice/core";
import { logOutages } from "@sluice/core/http";
import { checkOptions, invalidOption, type Rules } from "@sluice/core/store";
import { CACHE_SIZE, createFreshCache, type Fresh, MAX_STALE_MS } from "../fresh-cache.js";
import { checkKey } from "../key.js";
import { type Found, openRecords, RECORD_RULES, type RecordOptions } from "../records.js";
import { type ClientFields, checkFields } from "./fields.js";

/** A client in the registry. Times are in milliseconds since 1970 by the store's clock. */
export interface Client {
  readonly id: string;
  /** True if the client was registered. False if it was only seen. */
  readonly registered: boolean;
  readonly firstSeenMs: number;
  /** The time when the client was last seen, or up to `touchEvery` earlier. */
  readonly lastSeenMs: number;
  readonly fields: ClientFields;
}

/** Options of {@link createRegistry}. */
export interface RegistryOptions extends RecordOptions {
  /** The minimum interval between two writes of `lastSeenMs`. Default `"1m"`. */
  touchEvery?: Duration | undefined;
  /** A client that is not seen for this long is forgotten. Default `"365d"`. */
  forgetAfter?: Duration | undefined;
  /**
   * How old an answer of {@link Registry.isRegistered}, {@link Registry.see} and {@link Registry.ensure} may be. A change
   * by another process is seen at most this much later. 1 ms to `"1h"`. Default `"1s"`.
   */
  staleFor?: Duration | undefined;
  /**
   * How many clients are remembered for this time: a whole number of 1 or more. A long id counts as several, one for each 256
   * characters. Default 10,000.
   */
  cacheSize?: number | undefined;
}

/** The rules of {@link RegistryOptions}. */
export const REGISTRY_RULES: Rules<RegistryOptions> = {
  ...RECORD_RULES,
  touchEvery: "any",
  forgetAfter: "any",
  staleFor: "any",
  cacheSize: CACHE_SIZE,
};

/** Computes new fields from the existing ones. Must be pure, because it may run more than once. */
export type FieldsUpdate = (fields: ClientFields) => ClientFields;

/** A registry of clients. All methods may reject with a `SluiceError`: `INVALID_KEY` or an error of the store. */
export interface Registry {
  /**
   * Records that the client was seen now, and returns it. If there is no client with this id, creates one that is not
   * registered and has these fields. The fields of an existing client do not change.
   *
   * @throws SluiceError `INVALID_OPTION` for fields that are not JSON
   */
  ensure(id: string, fields?: ClientFields): Promise<Client>;
  /** Records that the client was seen now, and returns it if it exists. Returns no promise if the answer is in memory. */
  see(id: string): MaybePromise<Client | undefined>;
  /** Returns the client as it is in the store now. Does not count as seeing it. */
  get(id: string): Promise<Client | undefined>;
  /** Returns whether the client was registered. */
  isRegistered(id: string): Promise<boolean>;
  /**
   * Registers a client, whether or not it was seen before. Adds these fields to the existing ones. Fields of the same name
   * are replaced.
   *
   * @throws SluiceError `INVALID_OPTION` for fields that are not JSON
   */
  register(id: string, fields?: ClientFields): Promise<Client>;
  /**
   * Changes the fields of a client: adds them, or replaces all of them with the result of a function. No update is lost,
   * even if several processes update the client at the same time. Resolves to `undefined` if there is no such client.
   * Rejects with the error that the function throws.
   *
   * @throws SluiceError `INVALID_OPTION` for fields that are not JSON
   */
  update(id: string, fields: ClientFields | FieldsUpdate): Promise<Client | undefined>;
  /** Deletes a client. Does nothing if there is none. */
  remove(id: string): Promise<void>;
  /**
   * Lists all clients in any order. Reads everything in the store, so use it for administration and not in requests.
   *
   * @throws SluiceError `NOT_LISTABLE` on stores that can't list their entries
   */
  list(): Promise<readonly Client[]>;
}

/**
 * Creates a registry of clients. It records which clients were here, since when, and the fields that the app keeps for
 * them.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { createRegistry } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const registry = createRegistry({ store: memoryStore() });
 * await registry.register("key-123", { plan: "free", owner: "Ada" });
 * await registry.update("key-123", { plan: "paid" });
 * if (await registry.isRegistered("key-123")) console.log((await registry.get("key-123"))?.fields.plan);
 * ```
 */
export function createRegistry(options: RegistryOptions): Registry {
  const { touchEveryMs, forgetAfterMs, staleForMs, cacheSize } = checkedOptions(options);
  const records = openRecords<Client>(
    options,
    "clients",
    logOutages("requests that need a registered client are denied with 503"),
  );
  // Two caches, because a remembered look must not prevent the write of a sighting.
  const looked = createFreshCache<Client | undefined>(cacheSize, records.nowMs, records.timeoutMs);
  const sighted = createFreshCache<Client | undefined>(cacheSize, records.nowMs, records.timeoutMs);

  /** The client as seen at a time. The same object if there is nothing to write. */
  function seen(client: Client, nowMs: number): Client {
    // Also if the clock stepped back. Otherwise no client would be seen until it has caught up.
    return Math.abs(nowMs - client.lastSeenMs) >= touchEveryMs ? { ...client, lastSeenMs: nowMs } : client;
  }

  /** Converts the result of one call to the store for {@link createFreshCache}. */
  async function remembered(found: Promise<Client | undefined>): Promise<Fresh<Client | undefined>> {
    return { value: await found, forMs: staleForMs };
  }

  function forget(id: string): void {
    looked.forget(id);
    sighted.forget(id);
  }

  function leftMs(client: Client, nowMs: number): number {
    return client.lastSeenMs + forgetAfterMs - nowMs;
  }

  function live({ record, nowMs }: Found<Client>): Client | undefined {
    return record !== undefined && leftMs(record, nowMs) > 0 ? record : undefined;
  }

  async function write(id: string, next: Change): Promise<Client | undefined> {
    const found = await records.update(id, (record, nowMs) => {
      const client = live({ record, nowMs });
      const changed = next(client, nowMs);
      if (changed === undefined || changed === client) return undefined;
      return { state: changed, ttlMs: leftMs(changed, nowMs) };
    });
    return live(found);
  }

  function sight(id: string, next: Change): MaybePromise<Client | undefined> {
    checkKey(id, "id");
    return sighted.get(id, () => remembered(write(id, next)));
  }

  /** Values that were read before or during the change are out of date. */
  async function change(id: string, next: Change): Promise<Client | undefined> {
    checkKey(id, "id");
    try {
      return await write(id, next);
    } finally {
      forget(id);
    }
  }

  const registry: Registry = {
    async ensure(id, fields = {}) {
      const checked = checkFields(fields);
      const make = (found: Client | undefined, nowMs: number): Client =>
        found === undefined ? newClient(id, checked, nowMs) : seen(found, nowMs);
      // If there is no client, that answer is remembered too.
      return (await sight(id, make)) ?? ((await change(id, make)) as Client);
    },

    see: (id) => sight(id, (found, nowMs) => found && seen(found, nowMs)),

    async get(id) {
      return live(await records.read(checkKey(id, "id")));
    },

    async isRegistered(id) {
      checkKey(id, "id");
      const client = await looked.get(id, () => remembered(registry.get(id)));
      return client?.registered === true;
    },

    async register(id, fields = {}) {
      const checked = checkFields(fields);
      const client = await change(id, (found, nowMs) => {
        const { fields: earlier, ...rest } = found ?? newClient(id, {}, nowMs);
        return { ...rest, registered: true, lastSeenMs: nowMs, fields: { ...earlier, ...checked } };
      });
      return client as Client;
    },

    async update(id, fields) {
      const added = typeof fields === "function" ? undefined : checkFields(fields);
      return change(id, (found) => {
        if (found === undefined) return undefined;
        const next =
          typeof fields === "function" ? fields(structuredClone(found.fields)) : { ...found.fields, ...added };
        return { ...found, fields: checkFields(next) };
      });
    },

    async remove(id) {
      checkKey(id, "id");
      try {
        await records.remove(id);
      } finally {
        forget(id);
      }
    },

    async list() {
      const nowMs = options.clock?.nowMs() ?? Date.now();
      return (await records.list()).filter((client) => leftMs(client, nowMs) > 0);
    },
  };
  return registry;
}

/**
 * A change of a client. Must be pure, because it may run more than once. Returns the same client or `undefined` for no
 * change.
 */
type Change = (client: Client | undefined, nowMs: number) => Client | undefined;

function newClient(id: string, fields: ClientFields, nowMs: number): Client {
  return { id, registered: false, firstSeenMs: nowMs, lastSeenMs: nowMs, fields };
}

interface CheckedOptions {
  readonly touchEveryMs: number;
  readonly forgetAfterMs: number;
  readonly staleForMs: number;
  readonly cacheSize: number;
}

function checkedOptions(options: RegistryOptions): CheckedOptions {
  checkOptions(options, REGISTRY_RULES, "createRegistry");
  const { touchEvery = 60_000, forgetAfter = "365d", staleFor = 1_000, cacheSize = 10_000 } = options;
  const touchEveryMs = parseDuration(touchEvery, "touchEvery");
  const forgetAfterMs = parseDuration(forgetAfter, "forgetAfter");
  if (forgetAfterMs < 2 * touchEveryMs) {
    throw invalidOption(
      "forgetAfter",
      forgetAfter,
      "be at least twice touchEvery, so that active clients are not forgotten",
    );
  }
  return { touchEveryMs, forgetAfterMs, staleForMs: parseDuration(staleFor, "staleFor", MAX_STALE_MS), cacheSize };
}
