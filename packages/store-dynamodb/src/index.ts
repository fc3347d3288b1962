export type { DynamodbClient } from "./client.js";
export { type DynamodbStore, type DynamodbStoreOptions, dynamodbStore } from "./dynamodb-store.js";
export { createSchema, type SchemaOptions, type TableDefinition, tableDefinition } from "./schema.js";
