import { createLimiter, fixedWindow, slidingLog, tokenBucket } from "@sluice/core";
import pg from "pg";
import postgres from "postgres";
import { afterAll, describe, expect, it } from "vitest";
import { type PostgresClient, postgresStore } from "../src/index.js";
import { startDatabase } from "./database.js";

const { server } = await startDatabase();

describe("a client whose types and transforms change values", () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterAll(() => Promise.all(ends.map((end) => end())));

  const clients: Readonly<Record<string, () => PostgresClient>> = {
    "a Pool of pg that parses every type as a number"() {
      const types = { getTypeParser: () => (value: string) => Number(value) };
      const pool = new pg.Pool({ connectionString: server.url, types: types as never });
      ends.push(() => pool.end());
      return pool;
    },
    "postgres with transforms of rows, columns and values"() {
      const client = postgres(server.url, {
        transform: {
          column: (column) => column.toUpperCase(),
          value: () => 7,
          row: (row) => ({ ...row, added: true }),
        },
      });
      ends.push(() => client.end());
      return client;
    },
    "postgres with another parser of texts"() {
      const text = { to: 25, from: [25], serialize: (x: unknown) => x, parse: () => 7 };
      const client = postgres(server.url, { types: { text } as never });
      ends.push(() => client.end());
      return client as unknown as PostgresClient;
    },
  };

  it.each(Object.entries(clients))("admits exactly the limit through %s", async (prefix, connect) => {
    const limiter = createLimiter({
      store: postgresStore({ client: connect() }),
      prefix,
      timeout: 5_000,
      policies: [
        fixedWindow({ name: "fixed", limit: 10, window: "1h" }),
        tokenBucket({ name: "bucket", rate: 20, interval: "1h" }),
        slidingLog({ name: "log", limit: 20, window: "1h" }),
      ],
    });
    const decisions = await Promise.all(Array.from({ length: 12 }, () => limiter.consume("somebody")));
    expect(decisions.map(({ allowed, source }) => [allowed, source])).toEqual([
      ...new Array(10).fill([true, "store"]),
      ...new Array(2).fill([false, "store"]),
    ]);
    expect(await limiter.refund(decisions[0] as (typeof decisions)[number])).toBe(true);
    expect((await limiter.consume("somebody")).remaining).toBe(0);
  });
});

describe("a client that returns an unexpected result", () => {
  it.each([
    ["no result", undefined],
    ["no rows", { rows: [] }],
    ["numbers", { rows: [[5]] }],
    ["words", { rows: [["{1,2}"]] }],
    ["too few numbers", { rows: [["[1700000000000,1,0]"]] }],
    ["too many numbers", { rows: [["[1700000000000,1,0,1700000000000,1,5]"]] }],
    ["numbers as texts", { rows: [['["1700000000000",1,0,1700000000000,1]']] }],
    ["an object", { rows: [["{}"]] }],
  ])("fails every call with a code: %s", async (_, result) => {
    const connection = { query: async () => result, on() {}, removeListener() {}, release() {} };
    const client = { totalCount: 0, query() {}, connect: async () => connection };
    const store = postgresStore({ client });
    const limiter = createLimiter({
      store,
      policies: fixedWindow({ limit: 10, window: "1h" }),
      on: { storeError() {} },
    });
    const decision = await limiter.consume("somebody");
    expect(decision).toMatchObject({
      allowed: false,
      source: "failClosed",
      error: { code: expect.stringMatching(/^STORE_/) },
    });
    await expect(limiter.block("somebody", "1m")).rejects.toMatchObject({ code: expect.stringMatching(/^STORE_/) });
  });
});

describe("a value that is not a client", () => {
  class Pool {
    connect() {}
    query() {}
  }
  const knex = Object.assign(() => {}, { raw() {}, schema: {}, client: {} });

  it.each([
    ["a connection string", "postgres://localhost/app", /new Pool\(\{ connectionString \}\)/],
    ["a class", Pool, /create an instance/],
    ["the class of pg", pg.Pool, /create an instance|new pg\.Pool/],
    ["the module pg", pg, /new pg\.Pool/],
    ["the module postgres", postgres, /call it: postgres\(/],
    ["Drizzle", { $client: {}, select() {}, query: {} }, /its \$client/],
    ["pg-promise", { $pool: {}, connect() {}, query() {} }, /its \$pool/],
    ["Prisma", { $queryRaw() {}, $connect() {} }, /Prisma.*create a Pool of pg/],
    ["Knex", knex, /Knex.*create a Pool of pg/],
    ["Kysely", { selectFrom() {} }, /Kysely.*Pool/],
    [
      "a connection of mysql or mysql2",
      { connect() {}, query() {}, on() {}, escapeId() {} },
      /another database.*Pool of pg/,
    ],
    ["a pool of mssql", { connect() {}, query() {}, on() {}, request() {} }, /another database.*Pool of pg/],
    ["Sequelize or TypeORM", { query() {}, transaction() {} }, /create a Pool of pg/],
    ["nothing", undefined, /got undefined/],
    ["an ioredis client", new Map(), /an instance of Map/],
  ])("%s: the error names the client to pass", (_, client, message) => {
    expect(() => postgresStore({ client: client as never })).toThrow(
      expect.objectContaining({ code: "INVALID_CLIENT", message: expect.stringMatching(message) }),
    );
  });
});
