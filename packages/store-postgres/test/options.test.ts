import pg from "pg";
import { describe, expect, expectTypeOf, it } from "vitest";
import { createSchema, type PostgresClient, postgresStore, type SchemaOptions, schemaSql } from "../src/index.js";

const client = new pg.Pool();
const invalidOption = expect.objectContaining({ code: "INVALID_OPTION" });

const wrongClients = [
  undefined,
  null,
  {},
  "postgres://localhost",
  new Map(),
  pg,
  { query() {} },
  { connect() {}, query() {} },
  { evalsha() {}, eval() {}, del() {} },
];

const wrongNames = ['a"b', "a'b", "a.b", "a b", "", "1a", "ü", "a;b", "x$y", 5, null, "a\0b", "x".repeat(64)];

describe("postgresStore", () => {
  it.each(wrongClients)("refuses the client %s", async (wrong) => {
    const code = expect.objectContaining({ code: "INVALID_CLIENT", message: expect.stringContaining("Pool") });
    expect(() => postgresStore({ client: wrong as never })).toThrow(code);
    await expect(createSchema(wrong as never)).rejects.toThrow(code);
  });

  it.each(wrongNames)("refuses the table and the schema %j", async (wrong) => {
    for (const option of ["table", "schema"]) {
      const message = expect.objectContaining({
        code: "INVALID_OPTION",
        message: expect.stringContaining(`"${option}"`),
      });
      expect(() => postgresStore({ client, [option]: wrong as never })).toThrow(message);
      expect(() => schemaSql({ [option]: wrong as never })).toThrow(message);
      await expect(createSchema(client, { [option]: wrong as never })).rejects.toThrow(message);
    }
  });

  it("refuses a table name that would make the names of functions too long", () => {
    expect(() => schemaSql({ table: "x".repeat(41) })).toThrow(invalidOption);
    expect(schemaSql({ table: "x".repeat(40) })).toContain(`"${"x".repeat(40)}_compare_and_set_2"`);
  });

  it.each([
    ["namedStatements", "no"],
    ["durable", "yes"],
    ["sweepEvery", 0],
    ["sweepEvery", "often"],
    ["onSweepError", "log"],
  ])("refuses %s %j", (option, wrong) => {
    expect(() => postgresStore({ client, [option]: wrong as never })).toThrow(invalidOption);
  });

  it("refuses unknown options", async () => {
    expect(() => postgresStore({ client, tabel: "a" } as never)).toThrow(/did you mean "table"/);
    expect(() => schemaSql({ durabel: true } as never)).toThrow(/did you mean "durable"/);
    await expect(createSchema(client, { client } as never)).rejects.toThrow(/has no option "client"/);
  });

  it.each([0, -1, 1.5, Number.NaN, "5"])("refuses to sweep a limit of %j", async (limit) => {
    await expect(postgresStore({ client }).sweep({ limit: limit as never })).rejects.toThrow(invalidOption);
  });

  it("accepts the typed clients of both packages", () => {
    expectTypeOf<pg.Pool>().toExtend<PostgresClient>();
    expectTypeOf<pg.Client>().toExtend<PostgresClient>();
    expectTypeOf<pg.PoolClient>().toExtend<PostgresClient>();
    expectTypeOf<import("postgres").Sql>().toExtend<PostgresClient>();
    expectTypeOf<import("postgres").Sql<{ bigint: bigint }>>().toExtend<PostgresClient>();
    expectTypeOf<Map<string, string>>().not.toExtend<PostgresClient>();
    expectTypeOf(createSchema).parameter(1).toEqualTypeOf<SchemaOptions | undefined>();
  });
});
