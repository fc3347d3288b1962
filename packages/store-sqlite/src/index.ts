export { type MigrationOptions, migrate, migrationSql } from "./migrate.js";
export { type OpenSqliteOptions, openSqlite } from "./open-sqlite.js";
export type { OpenSqliteClient, SqliteClient, SqliteStatement, SqliteValue } from "./sqlite-client.js";
export { type SqliteStore, type SqliteStoreOptions, sqliteStore } from "./sqlite-store.js";
