import {
  type AttributeValue,
  DeleteItemCommand,
  GetItemCommand,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { type Rule, SluiceError } from "@sluice/core/store";
import { storeFailed } from "./client.js";
import type { Request } from "./requests.js";
import type { Item } from "./stored.js";

/** The requests that the store sends. All reject with a `SluiceError`. Times are of `performance.now()`. */
export interface Table {
  /** Returns the current item. Empty if there is none. */
  read(pk: string, deadlineMs: number): Promise<Item>;
  /** Writes if the conditions hold. Returns the item: after the write, or as it was if they did not hold. */
  update(pk: string, expression: Expression, deadlineMs: number): Promise<{ written: boolean; item: Item }>;
  delete(pk: string, deadlineMs: number): Promise<void>;
  /** Returns a page of all items, and the start of the next page. `next` is `undefined` at the end. */
  scan(start: Item | undefined): Promise<{ items: readonly Item[]; next: Item | undefined }>;
}

/** A table's name, or the ARN of a table in another account. */
export const TABLE: Rule = {
  is: (table) => typeof table === "string" && /^([\w.-]{3,255}|arn:[\w:./-]{1,1000})$/.test(table),
  must: "be the name of a table: 3 to 255 letters, digits, dots, dashes and underscores",
};

export function openTable(request: Request, name: string): Table {
  const keyOf = (pk: string) => ({ [PARTITION_KEY]: { S: pk } });

  return {
    async read(pk, deadlineMs) {
      const command = new GetItemCommand({ TableName: name, Key: keyOf(pk), ConsistentRead: true });
      try {
        return itemIn(await request(command, deadlineMs, false), "Item") ?? {};
      } catch (error) {
        throw storeFailed(error, name);
      }
    },

    async update(pk, expression, deadlineMs) {
      const command = new UpdateItemCommand({
        TableName: name,
        Key: keyOf(pk),
        ...expression.input,
        ReturnValues: "ALL_NEW",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      });
      try {
        return { written: true, item: requiredItemIn(await request(command, deadlineMs, true), "Attributes") };
      } catch (error) {
        if ((error as Partial<Error> | undefined)?.name !== "ConditionalCheckFailedException") {
          throw storeFailed(error, name);
        }
        return { written: false, item: itemIn(error, "Item") ?? {} };
      }
    },

    async scan(start) {
      const command = new ScanCommand({
        TableName: name,
        ConsistentRead: true,
        ...(start && { ExclusiveStartKey: start }),
      });
      try {
        const page = (await request(command, Number.POSITIVE_INFINITY, false)) as ScanCommandOutput;
        const items = page.Items?.map((Item) => itemIn({ Item }, "Item") ?? {});
        return { items: items ?? [], next: page.LastEvaluatedKey };
      } catch (error) {
        throw storeFailed(error, name);
      }
    },

    async delete(pk, deadlineMs) {
      try {
        await request(new DeleteItemCommand({ TableName: name, Key: keyOf(pk) }), deadlineMs, true);
      } catch (error) {
        throw storeFailed(error, name);
      }
    },
  };
}

export const PARTITION_KEY = "pk";

/**
 * Reads an item of a reply in the client library's form: attributes with their types, such as `{ pk: { S: "…" } }`.
 *
 * @param field the field of the reply
 * @throws SluiceError `STORE_FAILED` for anything else, such as the reply of a wrapped client
 */
function itemIn(reply: unknown, field: "Item" | "Attributes"): Item | undefined {
  if (!isObject(reply)) throw unexpected(field, reply === null ? "null" : `of type ${typeof reply}`);
  const item = reply[field];
  if (item === undefined || item === null) return undefined;
  const key = isObject(item) ? item[PARTITION_KEY] : undefined;
  if (!isObject(key) || typeof key.S !== "string") throw unexpected(field, "an item without typed attributes");
  return item as Item;
}

/** Like {@link itemIn}, for a reply that must have an item. */
function requiredItemIn(reply: unknown, field: "Attributes"): Item {
  const item = itemIn(reply, field);
  if (item === undefined) throw unexpected(field, `without "${field}"`);
  return item;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function unexpected(field: string, found: string): SluiceError {
  return new SluiceError(
    "STORE_FAILED",
    `a reply of DynamoDB must have "${field}" in the form of @aws-sdk/client-dynamodb, got one ${found}. ` +
      "Pass a client that does not change replies. If this was a write, it has been done.",
  );
}

/** The parts of a conditional update, added one by one. */
export interface Expression {
  /** Returns the placeholder of an attribute's name. */
  name(attribute: string): string;
  /** Returns the placeholder of a value. */
  value(value: AttributeValue): string;
  number(value: bigint | number): string;
  /** Adds a condition. All conditions must hold. */
  require(condition: string): void;
  set(assignment: string): void;
  remove(path: string): void;
  /** The input of an update command. */
  readonly input: {
    UpdateExpression: string;
    ConditionExpression: string;
    ExpressionAttributeNames: Record<string, string>;
    ExpressionAttributeValues?: Record<string, AttributeValue>;
  };
}

export function createExpression(): Expression {
  const names = new Map<string, string>();
  const values: Record<string, AttributeValue> = {};
  const conditions: string[] = [];
  const sets: string[] = [];
  const removes: string[] = [];

  const expression: Expression = {
    name(attribute) {
      const placeholder = names.get(attribute) ?? `#${names.size}`;
      names.set(attribute, placeholder);
      return placeholder;
    },
    value(value) {
      const placeholder = `:${Object.keys(values).length}`;
      values[placeholder] = value;
      return placeholder;
    },
    number: (value) => expression.value({ N: String(value) }),
    require: (condition) => void conditions.push(`(${condition})`),
    set: (assignment) => void sets.push(assignment),
    remove: (path) => void removes.push(path),
    get input() {
      const parts = [
        ...(sets.length > 0 ? [`SET ${sets.join(", ")}`] : []),
        ...(removes.length > 0 ? [`REMOVE ${removes.join(", ")}`] : []),
      ];
      return {
        UpdateExpression: parts.join(" "),
        ConditionExpression: conditions.join(" AND "),
        ExpressionAttributeNames: Object.fromEntries([...names].map(([name, placeholder]) => [placeholder, name])),
        ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
      };
    },
  };
  return expression;
}

/** The attribute after which DynamoDB deletes the item, in whole seconds since 1970. Decisions ignore it. */
export const TIME_TO_LIVE = "expiresAt";

/** An item is kept this much longer than needed, so that not every write has to set its time again. */
const SPARE_S = 60;

/**
 * Keeps the item at least until `untilMs`, and never shortens its life. An update expression can't take the larger of two
 * times, so the item as last seen determines which of two conditions is used.
 *
 * @returns the attribute after the write, if the item was as last seen
 */
export function keepUntil(expression: Expression, item: Item, untilMs: number): Item {
  const neededS = Math.ceil(untilMs / 1_000);
  const at = expression.name(TIME_TO_LIVE);
  if (Number(item[TIME_TO_LIVE]?.N ?? 0) >= neededS) {
    expression.require(`${at} >= ${expression.number(neededS)}`);
    return {};
  }
  // Half of the spare time is for two writers whose clocks or windows differ a little.
  const most = expression.number(neededS + SPARE_S * 1.5);
  expression.require(`attribute_not_exists(${at}) OR ${at} <= ${most}`);
  expression.set(`${at} = ${expression.number(neededS + SPARE_S)}`);
  return { [TIME_TO_LIVE]: { N: String(neededS + SPARE_S) } };
}
