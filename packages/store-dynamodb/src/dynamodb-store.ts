import {
  type Admission,
  builtInAlgorithms,
  type CallOptions,
  type ConnectionErrors,
  type DecidingStore,
  type Duration,
  decideInOrder,
  type ExportEntries,
  type ExportedEntry,
  type HealthCheck,
  type ImportEntries,
  invalidOption,
  type Next,
  type Outcome,
  type PartDecider,
  parseDuration,
  partsOf,
  refundEntry,
  rejectUnknown,
  SluiceError,
} from "@sluice/core/store";
import { createClockSkew } from "./clock-skew.js";
import { deadlineOf } from "./deadline.js";
import { type DynamodbClient, sendOf } from "./dynamodb-client.js";
import { createLanes } from "./lanes.js";
import { exportFrom, importInto } from "./moving.js";
import { createPace } from "./pace.js";
import { type Place, placeOf } from "./place.js";
import { createRecentItems } from "./recent-items.js";
import { createRequest } from "./requests.js";
import { createSlots } from "./slots.js";
import { checkTable, openTable } from "./table.js";

/** Options of {@link dynamodbStore}. */
export interface DynamodbStoreOptions {
  /** A `DynamoDBClient` or `DynamoDBDocumentClient` of the AWS SDK v3. It stays yours to destroy. */
  client: DynamodbClient;
  /** The name or ARN of a table made from {@link tableDefinition}. */
  table: string;
  /**
   * The most requests in flight at once: no more than the client's `maxSockets`. Default 50, as there. Calls that would
   * have to wait for too long are refused. Workers have a limit of their own, and this one has no effect there.
   */
  concurrency?: number | undefined;
  /** Called when this machine's clock is found to be off; again only after it was right in between. */
  onClockSkew?: ((skewMs: number) => void) | undefined;
  /** The difference from which on `onClockSkew` is called. Default `"1s"`. */
  clockSkewLimit?: Duration | undefined;
}

/** A store on DynamoDB. */
export interface DynamodbStore extends DecidingStore, HealthCheck, ConnectionErrors, ExportEntries, ImportEntries {
  decide(admission: Admission, options?: CallOptions): Promise<Outcome>;
}

/** How many items are remembered, to guess how the next write on them has to look. */
const REMEMBERED = 10_000;

/** An admission over several items undoes charges whose answers come up to this much too late. */
const MAX_LATE_MS = 1_000;

/**
 * A store on Amazon DynamoDB. A decision takes one request, allowed or denied, whatever the number of policies on its key;
 * decisions on one key that come at the same time share a write. The clock that decides is that of this process, since
 * DynamoDB has none: keep the clocks of all processes together (see the README for what a difference does).
 *
 * Policies with different keys lie in different items. They are looked at, charged one after the other, and taken back
 * when a later one denies (see `decideInOrder` in core): never one too many, but for a moment others may be denied for a
 * charge that is then taken back.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
 * import { createLimiter } from "@sluice/core";
 * import { dynamodbStore } from "@sluice/store-dynamodb";
 *
 * const store = dynamodbStore({ client: new DynamoDBClient({}), table: "rate-limits" });
 * const limiter = createLimiter({ store });
 * ```
 */
export function dynamodbStore(options: DynamodbStoreOptions): DynamodbStore {
  rejectUnknown(options, ["client", "table", "concurrency", "onClockSkew", "clockSkewLimit"], "dynamodbStore");
  const { client, concurrency = 50, onClockSkew, clockSkewLimit = "1s" } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw invalidOption("concurrency", concurrency, "give a whole number of 1 or more");
  }
  const clockSkewLimitMs = parseDuration(clockSkewLimit, "clockSkewLimit");
  if (onClockSkew !== undefined && typeof onClockSkew !== "function") {
    throw invalidOption("onClockSkew", onClockSkew, "give a function");
  }
  const pace = createPace();
  const request = createRequest(sendOf(client), pace, createClockSkew(clockSkewLimitMs, onClockSkew));
  const table = openTable(request, checkTable(options.table));
  const slots = createSlots(concurrency, pace);
  const lanes = createLanes({ table, slots, pace, recent: createRecentItems(REMEMBERED) });
  let closed = false;

  function checkOpen(): void {
    if (closed) throw new SluiceError("CLOSED", "the DynamoDB store is closed");
  }

  /** Decides what lies in one item. An answer that comes up to `undoMs` too late is of use to undo the charge. */
  async function decideTogether(admission: Admission, options: CallOptions | undefined, undoMs = 0): Promise<Outcome> {
    const places = admission.claims.map(({ scope, key }) => placeOf(scope + key));
    const deadlineMs = deadlineOf(options);
    const undoUntilMs = deadlineMs + undoMs;
    const call = { kind: "decide", admission, places, nowMs: options?.nowMs, deadlineMs, undoUntilMs } as const;
    return (await lanes.add(places[0]?.pk ?? "", call)) as Outcome;
  }

  /** Decides one of the parts of an admission. */
  function decidePart(part: Admission, options: CallOptions | undefined): Promise<Outcome> {
    return decideTogether(part, options, part.charge ? MAX_LATE_MS : 0);
  }

  /** Writes an entry where there is no live one, and tells whether it did. One that has expired needs no writing. */
  async function writeNew(place: Place, { state, expiresAtMs }: ExportedEntry): Promise<boolean> {
    let isNew = true;
    const change = (there: unknown, nowMs: number): Next<unknown> | undefined => {
      isNew = there === undefined || expiresAtMs <= nowMs;
      return isNew && expiresAtMs > nowMs ? { state, ttlMs: expiresAtMs - nowMs } : undefined;
    };
    const call = { kind: "update", place, change, nowMs: undefined, deadlineMs: deadlineOf(undefined) } as const;
    await lanes.add(place.pk, call);
    return isNew;
  }

  const store: DynamodbStore = {
    algorithms: new Set(builtInAlgorithms.keys()),

    async decide(admission, options) {
      checkOpen();
      if (admission.claims.length > 1) {
        const parts = partsOf(admission, ({ scope, key }) => placeOf(scope + key).pk);
        if (parts.length > 1) {
          const undo: PartDecider["undo"] = (claim, { epochMs }, undoOptions, chargedAtMs) =>
            store.atomicUpdate(
              claim.scope + claim.key,
              refundEntry(claim, builtInAlgorithms, epochMs, chargedAtMs),
              undoOptions,
            );
          return decideInOrder(admission, parts, { decide: decidePart, undo }, options);
        }
      }
      return decideTogether(admission, options);
    },

    async atomicUpdate<S>(
      entryKey: string,
      update: (state: S | undefined, nowMs: number) => Next<S> | undefined,
      options?: CallOptions,
    ): Promise<S | undefined> {
      checkOpen();
      const place = placeOf(entryKey);
      const change = update as (state: unknown, nowMs: number) => Next<unknown> | undefined;
      const deadlineMs = deadlineOf(options);
      const call = { kind: "update", place, change, nowMs: options?.nowMs, deadlineMs } as const;
      return (await lanes.add(place.pk, call)) as S | undefined;
    },

    async delete(entryKey, options) {
      checkOpen();
      const place = placeOf(entryKey);
      await lanes.add(place.pk, { kind: "delete", place, deadlineMs: deadlineOf(options) });
    },

    async *exportEntries() {
      checkOpen();
      yield* exportFrom(table);
    },

    async importEntries(entries) {
      checkOpen();
      return importInto(entries, writeNew);
    },

    async healthCheck(options) {
      await store.atomicUpdate("sluice:health", () => undefined, options);
    },

    connectionError: () => pace.error,

    async close() {
      closed = true;
    },
  };
  return store;
}
