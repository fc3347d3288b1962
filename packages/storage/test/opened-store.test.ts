import { backends } from "@sluice/servers";
import { afterAll, describe, expect, it } from "vitest";
import { type OpenedStore, openStore, redactUrl } from "../src/index.js";
import "./quiet-aws-sdk.js";

const started = await Promise.all(
  Object.entries(backends).map(async ([name, start]) => [name, await start()] as const),
);
afterAll(() => Promise.all(started.map(([, backend]) => backend.stop())));

const all = [{ name: "memory", url: "memory:" }, ...started.map(([name, { url }]) => ({ name, url }))];

/** Optional methods of each backend. */
const OPTIONAL: Readonly<Record<string, readonly (keyof OpenedStore)[]>> = {
  PostgreSQL: ["createSchema", "sweep"],
  SQLite: ["createSchema", "sweep"],
  DynamoDB: ["createSchema"],
};

describe.each(all)("a store opened on $name", ({ name, url }) => {
  it("reports its health, decides, and imports and lists entries", async () => {
    const store: OpenedStore = await openStore(url, { createSchema: true });
    await store.healthCheck();
    expect(store.algorithms?.has("fixed-window") ?? true).toBe(true);
    const entry = { key: "sluice:a:custom:key", state: { some: "state" }, expiresAtMs: Date.now() + 60_000 };
    expect(await store.importEntries([entry])).toEqual([]);
    const listed = [];
    for await (const { key, state } of store.exportEntries()) listed.push({ key, state });
    expect(listed).toEqual([{ key: entry.key, state: entry.state }]);
    await store.close();
    await expect(store.healthCheck()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("has only those optional methods that its database needs", async () => {
    const store = await openStore(url, { createSchema: true });
    const has = (["createSchema", "sweep"] as const).filter((method) => store[method] !== undefined);
    expect(has).toEqual(OPTIONAL[name] ?? []);
    await store.createSchema?.();
    if (store.sweep !== undefined) expect(await store.sweep({ limit: 10 })).toBe(0);
    await store.close();
  });
});

describe("a redacted URL", () => {
  it.each([
    ["memory:", "memory:"],
    ["sqlite:/var/limits.db", "sqlite:/var/limits.db"],
    ["redis://ada:s3cret@localhost:6379/1", "redis://***@localhost:6379/1"],
    ["postgres://ada@db/app?sslmode=require&token=s3cret", "postgres://***@db/app?sslmode=require&token=***"],
    ["dynamodb://id:s3cret@limits?region=eu-west-1", "dynamodb://***@limits?region=eu-west-1"],
  ])("of %s is %s", (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });

  it("cannot be created for an unknown scheme, and the error does not contain the URL", () => {
    expect(() => redactUrl("redsi://ada:s3cret@localhost")).toThrow(
      expect.objectContaining({ code: "INVALID_STORAGE", message: expect.not.stringContaining("s3cret") }),
    );
  });
});
