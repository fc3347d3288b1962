export type {
  PgClient,
  PgPool,
  PgPoolClient,
  PgQuery,
  PostgresClient,
  PostgresJsClient,
  PostgresJsQuery,
} from "./client.js";
export { type PostgresStore, type PostgresStoreOptions, postgresStore } from "./postgres-store.js";
export { createSchema, type SchemaOptions, schemaSql } from "./schema.js";
