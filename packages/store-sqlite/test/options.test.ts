import type BetterSqlite3 from "better-sqlite3";
import { describe, expect, expectTypeOf, it } from "vitest";
import { createSchema, type SchemaOptions, type SqliteClient, schemaSql, sqliteStore } from "../src/index.js";

const client: SqliteClient = { prepare: () => ({ run() {}, all: () => [] }), exec() {} };
const invalidOption = expect.objectContaining({ code: "INVALID_OPTION" });

const wrongClients = [undefined, null, {}, "limits.db", new Map(), { prepare() {} }, { query() {}, connect() {} }];
const wrongTables = ['a"b', "a.b", "a b", "", "1a", "ü", "a;b", 5, null, "a\0b", "sqlite_limits", "x".repeat(41)];

describe("sqliteStore", () => {
  it.each(wrongClients)("refuses the client %s", async (wrong) => {
    const code = expect.objectContaining({ code: "INVALID_CLIENT", message: expect.stringContaining("node:sqlite") });
    expect(() => sqliteStore({ client: wrong as never })).toThrow(code);
    await expect(createSchema(wrong as never)).rejects.toThrow(code);
  });

  it.each(wrongTables)("refuses the table %j", async (wrong) => {
    const message = expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining('"table"') });
    expect(() => sqliteStore({ client, table: wrong as never })).toThrow(message);
    expect(() => schemaSql({ table: wrong as never })).toThrow(message);
    await expect(createSchema(client, { table: wrong as never })).rejects.toThrow(message);
  });

  it.each([
    ["durable", "yes"],
    ["sweepEvery", 0],
    ["sweepEvery", "often"],
    ["onSweepError", "log"],
  ])("refuses %s %j", (option, wrong) => {
    expect(() => sqliteStore({ client, [option]: wrong as never })).toThrow(invalidOption);
  });

  it("refuses unknown options", async () => {
    expect(() => sqliteStore({ client, tabel: "a" } as never)).toThrow(/did you mean "table"/);
    expect(() => schemaSql({ tabel: "a" } as never)).toThrow(/did you mean "table"/);
    await expect(createSchema(client, { durable: true } as never)).rejects.toThrow(/has no option "durable"/);
  });

  it.each([0, -1, 1.5, Number.NaN, "5"])("refuses to sweep a limit of %j", async (limit) => {
    await expect(sqliteStore({ client }).sweep({ limit: limit as never })).rejects.toThrow(invalidOption);
  });

  it("refuses a client that returns rows as arrays", async () => {
    const arrays: SqliteClient = { ...client, prepare: () => ({ run() {}, all: () => [[1]] }) };
    const code = expect.objectContaining({ code: "INVALID_CLIENT", message: expect.stringContaining("returnArrays") });
    await expect(createSchema(arrays)).rejects.toThrow(code);
    await expect(sqliteStore({ client: arrays }).healthCheck()).rejects.toThrow(code);
  });

  it("accepts the typed clients", () => {
    expectTypeOf<BetterSqlite3.Database>().toExtend<SqliteClient>();
    expectTypeOf<import("libsql").Database>().toExtend<SqliteClient>();
    expectTypeOf<Map<string, string>>().not.toExtend<SqliteClient>();
    expectTypeOf(createSchema).parameter(1).toEqualTypeOf<SchemaOptions | undefined>();
  });
});
