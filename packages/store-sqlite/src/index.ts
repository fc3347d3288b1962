export {
  type OpenSqliteClient,
  type OpenSqliteOptions,
  openSqlite,
  type SqliteClient,
  type SqliteStatement,
  type SqliteValue,
} from "./client.js";
export { createSchema, type SchemaOptions, schemaSql } from "./schema.js";
export { type SqliteStore, type SqliteStoreOptions, sqliteStore } from "./sqlite-store.js";
