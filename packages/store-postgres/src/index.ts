export { type MigrationOptions, migrate, migrationSql } from "./migrate.js";
export type { PgClient, PgPool, PostgresClient, PostgresJsClient } from "./postgres-client.js";
export { type PostgresStore, type PostgresStoreOptions, postgresStore } from "./postgres-store.js";
