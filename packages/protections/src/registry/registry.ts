import { type Duration, type MaybePromise, parseDuration } from "@sluice/core";
import { logOutages } from "@sluice/core/http";
import { checkOptions, invalidOption, type Rules } from "@sluice/core/store";
import { CACHE_SIZE, createFreshCache, type Fresh, MAX_STALE_MS } from "../fresh-cache.js";
import { checkKey } from "../key.js";
import { type Found, openRecords, RECORD_RULES, type RecordOptions } from "../records.js";
import { type ClientFields, checkFields } from "./fields.js";

/** A client as the registry has it. Times are in milliseconds since 1970 by the store's clock. */
export interface Client {
  readonly id: string;
  /** True if it was registered, and not only seen. */
  readonly registered: boolean;
  readonly firstSeenMs: number;
  /** Up to `touchEvery` earlier than when it was last seen. */
  readonly lastSeenMs: number;
  readonly fields: ClientFields;
}

/** Options of {@link createRegistry}. */
export interface RegistryOptions extends RecordOptions {
  /** The minimum interval between two writes of the time when a client was last seen. Default `"1m"`. */
  touchEvery?: Duration | undefined;
  /** After how long without a sighting a client is forgotten. Default `"365d"`. */
  forgetAfter?: Duration | undefined;
  /**
   * How old the answer of {@link Registry.isRegistered}, {@link Registry.see} and {@link Registry.ensure} may be: a
   * change by another process is seen this much later. 1 ms to `"1h"`; default `"1s"`.
   */
  staleFor?: Duration | undefined;
  /** The number of clients that are remembered for this time: a whole number of 1 or more. Default 10,000. */
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

/** Computes fields of those that are there. Pure: it may run more than once. */
export type FieldsUpdate = (fields: ClientFields) => ClientFields;

/** A registry of clients. All of its methods reject with a `SluiceError`: `INVALID_KEY`, and the store's errors. */
export interface Registry {
  /**
   * Records that the client was seen now, and returns it. Creates it, not registered and with these fields, if there
   * was no client of this id. The fields of an existing client do not change.
   *
   * @throws SluiceError `INVALID_OPTION` for fields that are not JSON
   */
  ensure(id: string, fields?: ClientFields): Promise<Client>;
  /** The client, seen now, if there is one. At once where memory has the answer. */
  see(id: string): MaybePromise<Client | undefined>;
  /** The client as the store has it now. Looking at it is not seeing it. */
  get(id: string): Promise<Client | undefined>;
  /** Returns whether the client was registered. */
  isRegistered(id: string): Promise<boolean>;
  /**
   * Registers a client, whether or not it was seen before. Fields are added to those that are there, and replace those of
   * the same name.
   *
   * @throws SluiceError `INVALID_OPTION` for fields that are not JSON
   */
  register(id: string, fields?: ClientFields): Promise<Client>;
  /**
   * Changes the fields of a client: adds them, or replaces all by the result of a function. No update is lost, however
   * many processes make some at the same time. Resolves to `undefined` if there is no such client, and rejects with the
   * error that the function throws.
   *
   * @throws SluiceError `INVALID_OPTION` for fields that are not JSON
   */
  update(id: string, fields: ClientFields | FieldsUpdate): Promise<Client | undefined>;
  /** Deletes a client. Does nothing if there is none. */
  remove(id: string): Promise<void>;
  /**
   * All clients, in no particular order. Reads all that the store holds, so it is for people, not for requests.
   *
   * @throws SluiceError `NOT_LISTABLE` on stores that can't list their entries
   */
  list(): Promise<readonly Client[]>;
}

/**
 * Creates a registry of clients: which clients were here, since when, and the fields that the app keeps for them.
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
  // Two, since a look that is remembered must not keep a sighting from being written.
  const looked = createFreshCache<Client | undefined>(cacheSize, records.nowMs, records.timeoutMs);
  const sighted = createFreshCache<Client | undefined>(cacheSize, records.nowMs, records.timeoutMs);

  /** The client, seen at a time: the same object when there is nothing to write. */
  function seen(client: Client, nowMs: number): Client {
    // Also if the clock stepped back, or no client would be seen until it has caught up.
    return Math.abs(nowMs - client.lastSeenMs) >= touchEveryMs ? { ...client, lastSeenMs: nowMs } : client;
  }

  /** Settings of {@link createFreshCache} for one call to the store. */
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

  /** Values read before the change, or while it is made, are out of date. */
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
      // If there is no client, that fact is remembered.
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

/** Pure: it may run more than once. The same client again, or `undefined`, leaves it alone. */
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
