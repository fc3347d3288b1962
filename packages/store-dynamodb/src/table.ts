import {
  DeleteItemCommand,
  GetItemCommand,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { invalidOption } from "@sluice/core/store";
import type { Expression } from "./expression.js";
import { storeFailed } from "./failure.js";
import { itemIn, PARTITION_KEY, requiredItemIn } from "./reply.js";
import type { Request } from "./requests.js";
import type { Item } from "./stored.js";

/** The requests that the store makes. All reject with a `SluiceError`. Times are those of `performance.now()`. */
export interface Table {
  /** The item as it is now; empty when there is none. */
  read(pk: string, deadlineMs: number): Promise<Item>;
  /** Writes if the conditions hold. The item is as the write left it, or as it stood when they did not hold. */
  update(pk: string, expression: Expression, deadlineMs: number): Promise<{ written: boolean; item: Item }>;
  delete(pk: string, deadlineMs: number): Promise<void>;
  /** A page of all items, and where the next one begins; `undefined` at the end. */
  scan(start: Item | undefined): Promise<{ items: readonly Item[]; next: Item | undefined }>;
}

/**
 * A table's name, or the ARN of one in another account.
 *
 * @throws SluiceError `INVALID_OPTION`
 */
export function checkTable(table: string): string {
  if (typeof table === "string" && /^([\w.-]{3,255}|arn:[\w:./-]{1,1000})$/.test(table)) return table;
  throw invalidOption(
    "table",
    table,
    "give the name of a table: 3 to 255 letters, digits, dots, dashes and underscores",
  );
}

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
