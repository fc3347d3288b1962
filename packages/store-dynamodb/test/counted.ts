import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** The number of requests by command, such as `{ UpdateItemCommand: 3 }`. */
export type Counts = Record<string, number>;

/** Counts every request that the SDK sends, including retries. */
export function countRequests(client: DynamoDBClient): { take(): Counts; total(): number } {
  let counts: Counts = {};
  client.middlewareStack.add(
    (next, context) => (args) => {
      const name = context.commandName ?? "unknown";
      counts[name] = (counts[name] ?? 0) + 1;
      return next(args);
    },
    { step: "deserialize", priority: "low", name: "count" },
  );
  return {
    take() {
      const taken = counts;
      counts = {};
      return taken;
    },
    total: () => Object.values(counts).reduce((sum, count) => sum + count, 0),
  };
}
