import { decideInOrder, isPromise, type PartDecider, partsOf, refundEntry } from "@sluice/core/kit";
import {
  type Admission,
  asynchronous,
  type CallOptions,
  type Claim,
  type ClaimFinding,
  type ConnectionErrors,
  can,
  checkOptions,
  type DecidingStore,
  type ExportEntries,
  type ExportedEntry,
  type HealthCheck,
  type ImportEntries,
  isRemote,
  type MaybePromise,
  type Outcome,
  type RemoteStoreMark,
  remote,
  SluiceError,
  type Store,
  type SynchronousStore,
} from "@sluice/core/store";
import { copyOf, decideAtOnce } from "./decide-at-once.js";
import { createShards, DEPTH, type Shard, type Shards } from "./shards.js";

/** Options of {@link shardedStore}. */
export interface ShardedStoreOptions {
  /**
   * The names of the stores, in the order of the stores. The names determine to which store a key belongs. Default `"0"`,
   * `"1"` and so on: with the default names, add stores only at the end.
   */
  names?: readonly string[] | undefined;
}

/**
 * A store over several others. It has the capabilities that all of them have. Its health depends on the stores that have
 * `healthCheck`.
 */
export type ShardedStore<S extends Store> = Store &
  ([S] extends [SynchronousStore] ? SynchronousStore : [S] extends [DecidingStore] ? DecidingStore : unknown) &
  ([S] extends [ExportEntries] ? ExportEntries : unknown) &
  ([S] extends [ImportEntries] ? ImportEntries : unknown) &
  ([Extract<S, RemoteStoreMark>] extends [never] ? unknown : RemoteStoreMark) &
  ([Extract<S, HealthCheck>] extends [never] ? unknown : HealthCheck) &
  ([Extract<S, ConnectionErrors>] extends [never] ? unknown : ConnectionErrors);

/**
 * Spreads keys over several stores by rendezvous hashing. The stores may be of different kinds. All policies of one key are
 * in one store. If a store fails, only its keys fail.
 *
 * Policies with different keys may be in different stores. They are looked at first, then charged one after the other, and
 * refunded if a later one denies (see `decideInOrder` in core). The store never admits too much. But other requests may be
 * denied for a moment because of a charge that is then refunded.
 *
 * The stores may be sharded stores. Adding the first sharded store to a list of other stores moves all keys.
 *
 * `close` closes the stores.
 *
 * @throws SluiceError `INVALID_STORE`, `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter } from "@sluice/core";
 * import { redisStore } from "@sluice/store-redis";
 * import { shardedStore } from "@sluice/store-sharded";
 * import { Redis } from "ioredis";
 *
 * const servers = ["redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3"];
 * const store = shardedStore(servers.map((url) => redisStore({ client: new Redis(url) })));
 * const limiter = createLimiter({ store });
 * ```
 */
export function shardedStore<S extends Store>(
  stores: readonly S[],
  options: ShardedStoreOptions = {},
): ShardedStore<S> {
  checkOptions(options, { names: "any" }, "shardedStore");
  const shards: Shards<Store> = createShards(stores, options.names);

  const store: Store = {
    atomicUpdate: (key, update, callOptions) => shards.ofEntryKey(key).store.atomicUpdate(key, update, callOptions),
    delete: (key, options) => shards.ofEntryKey(key).store.delete(key, options),
    async close() {
      const closed = await Promise.allSettled(shards.all.map((shard) => shard.store.close()));
      for (const result of closed) if (result.status === "rejected") throw result.reason;
    },
  };
  return {
    ...store,
    ...markOf(stores, options),
    [DEPTH]: shards.depth,
    ...(stores.every((each) => can(each, "decide")) && deciding(shards as Shards<DecidingStore>, store)),
    ...(stores.every((each) => can(each, "exportEntries")) && {
      exportEntries: () => exportFrom(shards as Shards<Store & ExportEntries>),
    }),
    ...(stores.every((each) => can(each, "importEntries")) && {
      importEntries: (entries: readonly ExportedEntry[]) =>
        importInto(shards as Shards<Store & ImportEntries>, entries),
    }),
    ...(stores.some((each) => can(each, "connectionError")) && { connectionError: () => connectionErrorOf(shards) }),
    ...(stores.some((each) => can(each, "healthCheck")) && {
      healthCheck: (options?: CallOptions) => checkHealth(shards, options),
    }),
  } as ShardedStore<S>;
}

function markOf(stores: readonly Store[], options: ShardedStoreOptions): Partial<RemoteStoreMark> & Partial<Store> {
  if (stores.some((each) => isRemote(each))) {
    // Each shard has a separate circuit breaker.
    return { remote: { ...remote, protectParts: (protect) => shardedStore(stores.map(protect), options) } };
  }
  return stores.some(({ asynchronous: mark }) => mark) ? { asynchronous } : {};
}

function deciding(
  shards: Shards<DecidingStore>,
  store: Store,
): Pick<DecidingStore, "algorithms" | "decide"> & { synchronous?: true } {
  const [first, ...others] = shards.all.flatMap(({ store: { algorithms } }) => algorithms ?? []);
  const algorithms = first && new Set([...first].filter((name) => others.every((other) => other.has(name))));
  const synchronous = shards.all.every((shard) => (shard.store as Partial<SynchronousStore>).synchronous === true);

  const storeOf = (claim: Claim): DecidingStore => shards.ofClaim(claim).store;
  const undo: PartDecider["undo"] = (claim, { epochMs }, options, chargedAtMs) =>
    store.atomicUpdate(claim.scope + claim.key, refundEntry(claim, epochMs, chargedAtMs), options);

  /** Decides claims that are all in one store, which may reuse its answer. */
  function decidePart(part: Admission, options: CallOptions | undefined): MaybePromise<Outcome> {
    const answer = storeOf(part.claims[0] as Claim).decide(part, options);
    return isPromise(answer) ? answer : copyOf(answer);
  }

  return {
    algorithms,
    ...(synchronous && { synchronous }),
    decide(admission, options) {
      const [claim] = admission.claims;
      if (admission.claims.length === 1) return storeOf(claim as Claim).decide(admission, options);
      const parts = partsOf(admission, (each) => shards.ofClaim(each).name);
      if (parts.length === 1) return storeOf(claim as Claim).decide(admission, options);
      if (!synchronous) return decideInOrder(admission, parts, { decide: decidePart, undo }, options);
      const undoAtOnce = (each: Claim, finding: ClaimFinding, chargedAtMs: number): void => {
        // A charge that can't be refunded stays until its window ends.
        undo(each, finding, options, chargedAtMs).catch(() => {});
      };
      return decideAtOnce(admission, parts, (each) => storeOf(each) as SynchronousStore, undoAtOnce, options);
    },
  };
}

/** Does not list old entries that no longer belong to this shard because a shard was added. */
async function* exportFrom(shards: Shards<Store & ExportEntries>): AsyncGenerator<ExportedEntry> {
  for (const shard of shards.all) {
    for await (const entry of shard.store.exportEntries()) {
      if (shards.ofExported(entry) === shard) yield entry;
    }
  }
}

async function importInto(
  shards: Shards<Store & ImportEntries>,
  entries: readonly ExportedEntry[],
): Promise<readonly ExportedEntry[]> {
  const groups = new Map<Shard<Store & ImportEntries>, ExportedEntry[]>();
  for (const entry of entries) {
    const shard = shards.ofExported(entry);
    const group = groups.get(shard);
    if (group === undefined) groups.set(shard, [entry]);
    else group.push(entry);
  }
  const left = new Set<ExportedEntry>();
  const importAll = (chosen: readonly (readonly [Shard<Store & ImportEntries>, ExportedEntry[]])[]): Promise<unknown> =>
    Promise.all(
      chosen.map(async ([{ store }, group]) => {
        for (const entry of await store.importEntries(group)) left.add(entry);
      }),
    );
  // Shards that may reject come first, so that nothing is written if they do.
  const [refusable, others] = [true, false].map((digested) =>
    [...groups].filter(([, group]) => group.some((entry) => entry.digested) === digested),
  );
  await importAll(refusable ?? []);
  await importAll(others ?? []);
  return entries.filter((entry) => left.has(entry));
}

/** The error of the first shard whose connection has failed. */
function connectionErrorOf({ all }: Shards<Store>): unknown {
  for (const { store } of all) {
    const error = can(store, "connectionError") ? store.connectionError() : undefined;
    if (error !== undefined) return error;
  }
  return undefined;
}

async function checkHealth({ all }: Shards<Store>, options: CallOptions | undefined): Promise<void> {
  const checks = all.map(({ store }) => (can(store, "healthCheck") ? store.healthCheck(options) : undefined));
  const results = await Promise.allSettled(checks);
  const failed = results.flatMap((result, i) =>
    result.status === "rejected" ? [{ name: (all[i] as Shard<Store>).name, error: result.reason as unknown }] : [],
  );
  const [first] = failed;
  if (first === undefined) return;
  const { code, message } =
    first.error instanceof SluiceError ? first.error : { code: "STORE_FAILED" as const, message: String(first.error) };
  const names = failed.map(({ name }) => JSON.stringify(name)).join(", ");
  throw new SluiceError(code, `${failed.length} of ${all.length} shards failed: ${names} (${message})`, {
    cause: first.error,
  });
}
