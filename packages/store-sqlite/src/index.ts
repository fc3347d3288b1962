export type { OpenSqliteClient, SqliteClient, SqliteStatement, SqliteValue } from "./client.js";
export { type OpenSqliteOptions, openSqlite } from "./open-sqlite.js";
export { createSchema, type SchemaOptions, schemaSql } from "./schema.js";
export { type SqliteStore, type SqliteStoreOptions, sqliteStore } from "./sqlite-store.js";
