import { createHash } from "node:crypto";
import {
  type CallOptions,
  type ConnectionErrors,
  check,
  checkOptions,
  createRemoteStore,
  type Duration,
  type Next,
  type Outcome,
  parseDuration,
  type RemoteStore,
  type Rules,
  type StoredEntry,
} from "@sluice/core/store";
import { type DynamodbClient, sendOf } from "./client.js";
import { createLanes } from "./lanes.js";
import { pagesOf, placeOf } from "./place.js";
import { createClockSkew, createPace, createRequest } from "./requests.js";
import { createSchema, type SchemaOptions } from "./schema.js";
import { createRecentItems } from "./session.js";
import { createSlots, deadlineOf } from "./slots.js";
import { openTable, TABLE } from "./table.js";

/** Options of {@link dynamodbStore}. */
export interface DynamodbStoreOptions extends SchemaOptions {
  /** A `DynamoDBClient` or `DynamoDBDocumentClient` of the AWS SDK v3. The store never destroys it. */
  client: DynamodbClient;
  /** The name or ARN of a table created from {@link tableDefinition}. */
  table: string;
  /**
   * The maximum number of requests in flight, at most the client's `maxSockets`. Default 50, the default of `maxSockets`.
   * Calls that would have to wait too long are rejected. Has no effect on Workers, which have their own limit.
   */
  concurrency?: number | undefined;
  /** Called when this machine's clock is found to be wrong. Called again only after it was correct in between. */
  onClockSkew?: ((skewMs: number) => void) | undefined;
  /** The clock difference from which `onClockSkew` is called. Default `"1s"`. */
  clockSkewLimit?: Duration | undefined;
}

/** A store on DynamoDB. */
export interface DynamodbStore extends RemoteStore, ConnectionErrors {
  /** Calls {@link createSchema} with the options of this store. */
  createSchema(): Promise<void>;
}

const RULES: Rules<DynamodbStoreOptions> = {
  client: "any",
  table: "any",
  concurrency: { min: 1 },
  onClockSkew: "function",
  clockSkewLimit: "any",
};

/** How many items are remembered, to predict the conditions of the next write to them. */
const REMEMBERED = 10_000;

/** An admission over several items undoes charges whose answers arrive at most this much too late. */
const MAX_LATE_MS = 1_000;

/**
 * Creates a store on Amazon DynamoDB. A decision takes one request, allowed or denied, whatever the number of policies on
 * its key. Concurrent decisions on one key share a write. This process's clock decides, because DynamoDB has none.
 * Synchronise the clocks of all processes: the README explains the effect of a difference.
 *
 * Policies with different keys are in different items. The store looks at all of them, charges them one after the other,
 * and refunds them if a later one denies (see `decideInOrder` in core). It never admits too much. But other requests may be
 * denied for a moment because of a charge that is then refunded.
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
  checkOptions(options, RULES, "dynamodbStore");
  const { client, concurrency = 50, onClockSkew, clockSkewLimit = "1s" } = options;
  const clockSkewLimitMs = parseDuration(clockSkewLimit, "clockSkewLimit");
  const name = check("table", options.table, TABLE);
  const pace = createPace();
  const request = createRequest(sendOf(client), pace, createClockSkew(clockSkewLimitMs, onClockSkew));
  const table = openTable(request, name);
  const slots = createSlots(concurrency, pace);
  const lanes = createLanes({ table, slots, pace, recent: createRecentItems(REMEMBERED) });

  async function update(
    key: string,
    change: (state: unknown, nowMs: number) => Next<unknown> | undefined,
    callOptions: CallOptions,
  ): Promise<unknown> {
    const place = placeOf(key);
    const deadlineMs = deadlineOf(callOptions);
    return lanes.add(place.pk, { kind: "update", place, change, nowMs: callOptions.nowMs, deadlineMs });
  }

  const store = createRemoteStore(
    {
      name: "DynamoDB",
      createHash,
      places: { split: true, of: (key) => placeOf(key).pk },
      async decide(admission, keys, callOptions, isPart) {
        const places = keys.map(placeOf);
        const deadlineMs = deadlineOf(callOptions);
        const undoUntilMs = deadlineMs + (isPart && admission.charge ? MAX_LATE_MS : 0);
        const { nowMs } = callOptions;
        const call = { kind: "decide", admission, places, nowMs, deadlineMs, undoUntilMs } as const;
        return (await lanes.add(places[0]?.pk ?? "", call)) as Outcome;
      },
      update,
      remove(key, callOptions) {
        const place = placeOf(key);
        return lanes.add(place.pk, { kind: "delete", place, deadlineMs: deadlineOf(callOptions) });
      },
      pages: () => pagesOf(table),
      imports: { size: 1, atOnce: concurrency, write: ([entry]) => writeNew(entry as StoredEntry) },
    },
    { createSchema: () => createSchema(client, { table: name }) },
  );

  /** Writes an entry if there is no live one. Skips entries that have expired. */
  async function writeNew({ key, state, expiresAtMs }: StoredEntry): Promise<readonly number[]> {
    let isNew = true;
    const change = (there: unknown, nowMs: number): Next<unknown> | undefined => {
      isNew = there === undefined || expiresAtMs <= nowMs;
      return isNew && expiresAtMs > nowMs ? { state, ttlMs: expiresAtMs - nowMs } : undefined;
    };
    await update(key, change, {});
    return isNew ? [] : [0];
  }

  return { ...store, connectionError: () => pace.error };
}
