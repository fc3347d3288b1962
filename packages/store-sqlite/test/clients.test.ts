import { join } from "node:path";
import { expect, it } from "vitest";
import { createSchema, sqliteStore } from "../src/index.js";
import { openClient } from "./clients.mjs";
import { newFolder } from "./files.js";

const rejected = (text: string) =>
  expect.objectContaining({ code: "INVALID_CLIENT", message: expect.stringContaining(text) });

/** Clients that people may pass by mistake, reduced to their methods and results. */
const promise = async () => [];
const wrong: readonly (readonly [name: string, client: object, reason: string])[] = [
  [
    "sqlite3",
    { exec() {}, prepare: () => ({ all() {}, run() {}, finalize() {} }) },
    "does not return an array of rows",
  ],
  ["sqlite", { exec: promise, prepare: () => Promise.reject(new Error("no table")) }, "returns a promise"],
  [
    "D1",
    { exec: promise, prepare: () => ({ all: promise, run: promise, bind() {} }) },
    "all() of its statements returns a promise",
  ],
  ["sql.js", { exec: () => [], prepare: () => ({ step: () => true, get: () => [1], free() {} }) }, "have no all()"],
  ["drizzle-orm", { run() {}, all: () => [], $client: {} }, "$client"],
  ["knex", Object.assign(() => {}, { raw: promise, select() {} }), "no prepare() and exec()"],
  ["@libsql/client", { execute: promise, batch: promise }, "no prepare() and exec()"],
  [
    "node-sqlite3-wasm",
    { exec() {}, prepare: () => ({ run() {}, all: (values: unknown) => [{ one: values, two: null }] }) },
    "does not accept values one by one",
  ],
  ["arrays", { exec() {}, prepare: () => ({ run() {}, all: () => [[1, "two"]] }) }, "returnArrays"],
];

it.each(wrong)("refuses a database of %s immediately, and names the clients that work", async (_, client, reason) => {
  expect(() => sqliteStore({ client: client as never })).toThrow(rejected(reason));
  expect(() => sqliteStore({ client: client as never })).toThrow(
    rejected("node:sqlite, a Database of better-sqlite3, libsql or bun:sqlite"),
  );
  await expect(createSchema(client as never)).rejects.toThrow(rejected(reason));
});

it("refuses a closed database, and explains why", async () => {
  const client = await openClient("libsql", join(newFolder(), "limits.db"));
  client.close();
  expect(() => sqliteStore({ client })).toThrow(rejected("not open"));
});

it("reports rows without their columns at the first read", async () => {
  const client = { exec() {}, prepare: () => ({ run() {}, all: () => [{ odd: 1 }] }) };
  const store = sqliteStore({ client });
  await expect(store.healthCheck()).rejects.toThrow(rejected("without their columns"));
});
