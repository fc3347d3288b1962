import type { Next } from "../../algorithm/algorithm.js";
import { BUILT_IN_NAMES } from "../../algorithm/built-in.js";
import { SluiceError } from "../../errors.js";
import type { ExportEntries, HealthCheck, ImportEntries } from "../capabilities.js";
import { type CompareAndSet, createUpdater } from "../compare-and-set.js";
import { decideEntries, type Entry, refundEntry } from "../entry.js";
import { remote } from "../failure-policy.js";
import { decideInOrder, type PartDecider, partsOf } from "../in-order.js";
import type { RemoteStoreMark } from "../remote-mark.js";
import type { Admission, CallOptions, Claim, DecidingStore, Outcome } from "../store.js";
import { type CreateHash, exportedKey, type StoredKey, storedKeys } from "../stored-key.js";
import type { BatchSender } from "./batch.js";
import { createBatchDecider } from "./batch-decider.js";
import { importPages, type PageWriter, type Places, type StoredEntry } from "./import-pages.js";

/**
 * The functions of a database for {@link createRemoteStore}. Keys are stored keys, which are short texts. All functions
 * reject with a `SluiceError`.
 */
export type RemoteDatabase<Undecided extends symbol = never, Connection = undefined> = {
  /** The name in messages, such as "Redis". */
  readonly name: string;
  /** The function of `node:crypto`. */
  readonly createHash: CreateHash;
  /** The places of entries. Default: all entries are in one place. */
  readonly places?: Places | undefined;
  /**
   * Names the server that has a stored key. Used only if entries are in several places and servers can fail separately.
   * Default: all servers work or none does.
   */
  partOf?(key: string): string;
  remove(key: string, options: CallOptions): Promise<unknown>;
  /** Lists the live entries, page by page. */
  pages(): AsyncIterable<readonly StoredEntry[]>;
  readonly imports: PageWriter;
  /** The stored key of an entry for the store's own use. It is not listed. */
  readonly ownKey?: string | undefined;
  /** Default: reads an entry that is never written. */
  healthCheck?(options: CallOptions): Promise<unknown>;
  /** Frees the resources that the store itself opened. */
  close?(): void;
} & (
  | {
      /** Decides in batches of numbers. */
      readonly batches: BatchSender<Undecided, Connection>;
      readonly decide?: undefined;
    }
  | {
      readonly batches?: undefined;
      /**
       * Decides an admission whose claims are in one place.
       *
       * @param keys the stored key of each claim
       * @param isPart true for a part of an admission in several places, whose charge may have to be undone
       */
      decide(admission: Admission, keys: readonly string[], options: CallOptions, isPart: boolean): Promise<Outcome>;
    }
) &
  (
    | {
        /** Updates with compare-and-set: see `createUpdater`. */
        readonly compareAndSet: CompareAndSet;
        readonly update?: undefined;
      }
    | {
        readonly compareAndSet?: undefined;
        /** The store's `atomicUpdate`. */
        update(
          key: string,
          change: (state: unknown, nowMs: number) => Next<unknown> | undefined,
          options: CallOptions,
        ): Promise<unknown>;
      }
  );

/** A store created by {@link createRemoteStore}. */
export interface RemoteStore extends DecidingStore, HealthCheck, ExportEntries, ImportEntries, RemoteStoreMark {
  readonly algorithms: ReadonlySet<string>;
  decide(admission: Admission, options?: CallOptions): Promise<Outcome>;
}

const NO_OPTIONS: CallOptions = {};

const ONE_PLACE = { one: undefined };

/** The name of the part if it has all entries. */
const ONE_PART = "";

/**
 * Creates a store from the functions of its database. It names entries, batches calls, decides over several places in
 * order, and undoes charges. It also turns replies into outcomes, reads and writes entries in pages, and rejects calls
 * after `close`.
 *
 * @param methods further methods, which also reject after `close`
 */
export function createRemoteStore<
  Undecided extends symbol = never,
  Connection = undefined,
  Own extends Readonly<Record<string, (...args: never[]) => Promise<unknown>>> = Record<never, never>,
>(database: RemoteDatabase<Undecided, Connection>, methods: Own = {} as Own): RemoteStore & Own {
  const { name, places, partOf } = database;
  const keys = storedKeys(database.createHash);
  const keyOf = ({ scope, key }: Claim): string => textOf(keys.of(scope, key));
  let closed = false;

  function closedError(): SluiceError {
    return new SluiceError("CLOSED", `the ${name} store is closed`);
  }

  function checkOpen(): void {
    if (closed) throw closedError();
  }

  const change =
    database.update === undefined
      ? createUpdater(database.compareAndSet)
      : (database.update as ReturnType<typeof createUpdater>);

  function update<S>(
    entryKey: string,
    next: (state: S | undefined, nowMs: number) => Next<S> | undefined,
    options: CallOptions = NO_OPTIONS,
  ): Promise<S | undefined> {
    return change(textOf(keys.ofEntryKey(entryKey)), next, options);
  }

  const undo: PartDecider["undo"] = (claim, { epochMs }, options, chargedAtMs) =>
    update(claim.scope + claim.key, refundEntry(claim, epochMs, chargedAtMs), options);

  /** Decides one claim with an update. */
  async function decideByUpdate(part: Admission, options: CallOptions | undefined): Promise<Outcome> {
    const [{ scope, key }] = part.claims as [Claim];
    let outcome: Outcome | undefined;
    try {
      await update<Entry>(
        scope + key,
        (entry, nowMs) => {
          const decided = decideEntries(part, [entry], nowMs);
          outcome = decided.outcome;
          return decided.writes[0];
        },
        options,
      );
    } catch (error) {
      // Without a charge only a repair could be written, and the decision holds without it.
      if (outcome === undefined || (outcome.allowed && part.charge)) throw error;
    }
    return outcome as Outcome;
  }

  /** The positions of an admission's claims by place. `undefined` if they are all in one place. */
  function partsIn(admission: Admission): readonly (readonly number[])[] | undefined {
    if (!places?.split || admission.claims.length === 1) return undefined;
    const parts = partsOf(admission, (claim) => places.of(keyOf(claim)));
    return parts.length > 1 ? parts : undefined;
  }

  const decideOne =
    database.batches === undefined
      ? (admission: Admission, options: CallOptions | undefined, isPart: boolean) =>
          database.decide(admission, admission.claims.map(keyOf), options ?? NO_OPTIONS, isPart)
      : createBatchDecider(database.batches, {
          keyOf,
          placeOf(admission) {
            if (!places?.split) return ONE_PLACE;
            return partsIn(admission) === undefined
              ? { one: places.of(keyOf(admission.claims[0] as Claim)) }
              : "several";
          },
          decideAgain: ({ admission, nowMs, deadlineMs }) => decide(admission, { nowMs, deadlineMs }),
          decideApart: ({ admission, nowMs, deadlineMs }) => {
            const options = { nowMs, deadlineMs };
            if (admission.claims.length === 1) return decideByUpdate(admission, options);
            const parts = admission.claims.map((_, i) => [i]);
            return decideInOrder(admission, parts, { decide: decideByUpdate, undo }, options);
          },
        });

  function decide(admission: Admission, options: CallOptions | undefined): Promise<Outcome> {
    const parts = partsIn(admission);
    if (parts === undefined) return decideOne(admission, options, false);
    const decidePart = (part: Admission, partOptions: CallOptions | undefined) => decideOne(part, partOptions, true);
    return decideInOrder(admission, parts, { decide: decidePart, undo }, options);
  }

  const store: RemoteStore = {
    remote: {
      ...remote,
      ...(partOf !== undefined && {
        partOf: (entryKey) => (places?.split ? partOf(textOf(keys.ofEntryKey(entryKey))) : ONE_PART),
      }),
    },

    algorithms: new Set(BUILT_IN_NAMES),

    decide: (admission, options) => (closed ? Promise.reject(closedError()) : decide(admission, options)),

    async atomicUpdate(entryKey, next, options) {
      checkOpen();
      return update(entryKey, next, options);
    },

    async delete(entryKey, options = NO_OPTIONS) {
      checkOpen();
      await database.remove(textOf(keys.ofEntryKey(entryKey)), options);
    },

    async *exportEntries() {
      checkOpen();
      for await (const page of database.pages()) {
        for (const { key, state, expiresAtMs } of page) {
          if (key !== database.ownKey) yield { ...exportedKey(key), state, expiresAtMs };
        }
      }
    },

    async importEntries(entries) {
      checkOpen();
      return importPages(entries, (entry) => textOf(keys.ofExported(entry)), places, database.imports);
    },

    async healthCheck(options = NO_OPTIONS) {
      checkOpen();
      if (database.healthCheck === undefined) await update("sluice:health", () => undefined, options);
      else await database.healthCheck(options);
    },

    async close() {
      closed = true;
      database.close?.();
    },
  };
  const whileOpen = Object.entries(methods).map(([method, call]) => [
    method,
    async (...args: never[]) => {
      checkOpen();
      return call(...args);
    },
  ]);
  return { ...store, ...(Object.fromEntries(whileOpen) as Own) };
}

function textOf({ scope, key }: StoredKey): string {
  return scope + key;
}
