export type { DynamodbClient } from "./dynamodb-client.js";
export { type DynamodbStore, type DynamodbStoreOptions, dynamodbStore } from "./dynamodb-store.js";
export { createTable, type TableDefinition, tableDefinition } from "./table-definition.js";
