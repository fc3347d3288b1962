import { SluiceError } from "@sluice/core/store";
import type { Item } from "./stored.js";

export const PARTITION_KEY = "pk";

/**
 * An item in a reply, as the client library hands it over: its attributes with their types, such as `{ pk: { S: "…" } }`.
 *
 * @param field of the reply
 * @throws SluiceError `STORE_FAILED` when it is something else, as from a client that was wrapped
 */
export function itemIn(reply: unknown, field: "Item" | "Attributes"): Item | undefined {
  if (!isObject(reply)) throw unexpected(field, reply === null ? "null" : `of type ${typeof reply}`);
  const item = reply[field];
  if (item === undefined || item === null) return undefined;
  const key = isObject(item) ? item[PARTITION_KEY] : undefined;
  if (!isObject(key) || typeof key.S !== "string") throw unexpected(field, "an item without typed attributes");
  return item as Item;
}

/** The same where there has to be one. */
export function requiredItemIn(reply: unknown, field: "Attributes"): Item {
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
    `a reply of DynamoDB must hold "${field}" as @aws-sdk/client-dynamodb returns it, got one ${found}. ` +
      "Pass a client whose replies are not changed; if this was a write, it has been done.",
  );
}
