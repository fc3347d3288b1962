import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { SluiceError } from "@sluice/core";
import { createDebouncer } from "@sluice/protections";
import { startDynamodb, startPostgres, startRedis, startRedisSentinel } from "@sluice/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../src/index.js";
import "./quiet-aws-sdk.js";

/** Secrets that occur in no text of a library. */
const [USER, PASSWORD, TOKEN] = ["h1dden-us3r", "s3cret:p@ss/w?rd#1", "t0ken-0f-the-query"];
const SECRETS = [USER, PASSWORD, TOKEN, encodeURIComponent(PASSWORD)];
const CREDENTIALS = `${USER}:${encodeURIComponent(PASSWORD)}`;

/** Returns the error of openStore, and expects that it has a code and contains no secret. */
async function failure(storage: string): Promise<SluiceError> {
  const error = await openStore(storage, { connectTimeout: "5s" }).then(
    async (store) => {
      await store.close();
      throw new Error(`${storage} was opened`);
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SluiceError);
  expectNoSecrets(error);
  return error as SluiceError;
}

function expectNoSecrets(value: unknown): void {
  const shown = inspect(value, { depth: 20, showHidden: true }) + JSON.stringify(value) + String(value);
  for (const secret of SECRETS) expect(shown).not.toContain(secret);
}

describe("a wrong URL", () => {
  it.each([
    ["", "got an empty string"],
    ["localhost:6379", "has no known scheme"],
    ["just text", "has no known scheme"],
    ["redsi://localhost", "did you mean redis://HOST:PORT/DB?"],
    ["postgress://localhost", "did you mean postgres://HOST:PORT/DATABASE?"],
    ["pg://localhost", "did you mean postgres://HOST:PORT/DATABASE?"],
    ["file:limits.db", "did you mean sqlite:FILE?"],
    ["mysql://localhost", "use one of memory:, redis://HOST:PORT/DB"],
    ["memory:limits", "must have nothing after the colon"],
    ["redis://", "must have a host, and a port"],
    ["redis://:port", "must have a host, and a port"],
    ["redis://localhost:99999", "must have a host, and a port between 1 and 65535"],
    ["redis://localhost/limits", "has an invalid database, which must be a number"],
    ["redis://one:1,two:2", "for a cluster write redis-cluster://"],
    ["redis://localhost?db=1", "has an unknown query parameter"],
    ["postgres://localhost:99999/app", "must have a port between 0 and 65535"],
    ["postgres://[::1]:x/app", "must have a port between 0 and 65535"],
    ["redis-cluster://localhost/1", "must not name a database, because a cluster has only one"],
    ["redis-sentinel://localhost", "does not name the master"],
    ["dynamodb://", "does not name a table"],
    ["dynamodb://limits?endpoint=nowhere", "has an invalid endpoint, which must be a URL"],
    ["dynamodb://limits?regoin=eu-west-1", "known: region, endpoint"],
    ["sqlite:", "names no file"],
  ])("refuses %s", async (storage, what) => {
    const error = await failure(storage);
    expect(error.code).toBe("INVALID_STORAGE");
    expect(error.message).toContain(what);
  });

  it.each([undefined, null, 6379, {}])("refuses %s instead of a string", async (storage) => {
    const error = await failure(storage as unknown as string);
    expect(error.code).toBe("INVALID_STORAGE");
  });

  it.each([
    `redis://${USER}:${PASSWORD}@localhost:6379`,
    `redsi://${CREDENTIALS}@localhost`,
    `redis://${CREDENTIALS}@`,
    `redis://${CREDENTIALS}@localhost?token=${TOKEN}`,
    `redis://${CREDENTIALS}@localhost?${TOKEN}`,
    `postgres://${USER}:${PASSWORD}@localhost/app`,
    `dynamodb://${CREDENTIALS}@t?region=x`,
    `dynamodb://limits?endpoint=${USER}:${encodeURIComponent(PASSWORD)}`,
    `redis-cluster://${CREDENTIALS}@localhost:1/7`,
    `${USER}:${PASSWORD}`,
  ])("never shows the secrets in it: %#", async (storage) => {
    expect((await failure(storage)).code).toBe("INVALID_STORAGE");
  });

  it("accepts only known options", async () => {
    await expect(openStore("memory:", { createSchem: true } as object)).rejects.toMatchObject({
      code: "UNKNOWN_OPTION",
    });
    await expect(openStore("memory:", { createSchema: "yes" as never })).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    await expect(openStore("memory:", { connectTimeout: 0 })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });
});

describe("a storage that is not reachable", () => {
  it.each([
    ["redis", `redis://${CREDENTIALS}@127.0.0.1:1/0`, "redis://***@127.0.0.1:1/0", "ECONNREFUSED"],
    ["a cluster", `redis-cluster://${CREDENTIALS}@127.0.0.1:1`, "redis-cluster://***@127.0.0.1:1", ""],
    ["a Sentinel", `redis-sentinel://${CREDENTIALS}@127.0.0.1:1/m`, "redis-sentinel://***@127.0.0.1:1/m", ""],
    ["Postgres", `postgres://${CREDENTIALS}@127.0.0.1:1/app`, "postgres://***@127.0.0.1:1/app", "ECONNREFUSED"],
    [
      "Postgres",
      `postgres://127.0.0.1:1/app?password=${TOKEN}&sslmode=disable`,
      "postgres://127.0.0.1:1/app?password=***&sslmode=disable",
      "ECONNREFUSED",
    ],
    [
      "DynamoDB",
      `dynamodb://${CREDENTIALS}@limits?region=local&endpoint=${encodeURIComponent("http://127.0.0.1:1")}`,
      "dynamodb://***@limits?region=local&endpoint=http://127.0.0.1:1",
      "",
    ],
    ["SQLite", "sqlite:/no/such/folder/limits.db", "sqlite:/no/such/folder/limits.db", "/no/such/folder"],
    ["SQLite", "sqlite://me@no-such:folder/limits.db", "sqlite:me@no-such:folder/limits.db", "/me@no-such:folder does"],
  ])("fails for %s: %s", async (_name, storage, shown, why) => {
    const error = await failure(storage);
    expect(error.code).toBe("STORAGE_UNAVAILABLE");
    expect(error.message).toContain(shown);
    expect(error.message).toContain(why);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("fails after the timeout if the server does not answer", async () => {
    const server = await startRedis();
    try {
      await server.pause();
      const startMs = performance.now();
      const opening = openStore(server.url, { connectTimeout: 300 });
      await expect(opening).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect(performance.now() - startMs).toBeLessThan(2_000);
    } finally {
      await server.resume();
      await server.stop();
    }
  });
});

describe("Redis with a user and a password", () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    server = await startRedis({
      args: ["--user", USER, "on", `>${PASSWORD}`, "~*", "&*", "+@all", "--user", "default", "off"],
    });
  });
  afterAll(() => server.stop());
  const at = (credentials: string): string => `redis://${credentials}@127.0.0.1:${server.port}/1`;

  it("opens, and shows no secret in the store", async () => {
    const store = await openStore(at(CREDENTIALS));
    const debouncer = createDebouncer({ store, window: "1m", prefix: "opens" });
    expect([await debouncer.seen("ann"), await debouncer.seen("ann")]).toEqual([false, true]);
    expectNoSecrets(store);
    await store.close();
    await store.close();
    await expect(store.delete("a")).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("uses only the database in the URL", async () => {
    const error = await failure(at(CREDENTIALS).replace(/1$/, "99"));
    expect(error.code).toBe("STORAGE_UNAVAILABLE");
    expect(error.message).toContain("DB index is out of range");
  });

  it("reports errors without the secrets", async () => {
    for (const credentials of [`${USER}:wrong`, `:${encodeURIComponent(PASSWORD)}`, `somebody:${TOKEN}`]) {
      const error = await failure(at(credentials));
      expect(error.code).toBe("STORAGE_UNAVAILABLE");
      expect(error.message).toMatch(/redis:\/\/\*\*\*@127\.0\.0\.1.*(WRONGPASS|NOAUTH)/);
    }
  });
});

describe("Postgres with a user and a password", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it("reports a missing user, and a missing table", async () => {
    const error = await failure(`postgres://${CREDENTIALS}@127.0.0.1:${server.port}/postgres`);
    expect(error.code).toBe("STORAGE_UNAVAILABLE");
    expect(error.message).toMatch(/role "\*\*\*" does not exist/);
    const unready = await failure(server.url);
    expect(unready.code).toBe("STORE_NOT_READY");
    // The user has the same name as the scheme, the database and part of the package name. These must not be hidden.
    expect(unready.message).toContain(`postgres://***@127.0.0.1:${server.port}/postgres: the table`);
    expect(unready.message).toMatch(/of @sluice\/store-postgres .*createSchema: true$/);
  });

  it("creates the schema if the option is set, and hides the user in later errors", async () => {
    const admin = await openStore(server.url, { createSchema: true });
    await admin.close();
    const { default: pg } = await import("pg");
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query(`CREATE ROLE "${USER}" SUPERUSER LOGIN`);
    const store = await openStore(`postgres://${CREDENTIALS}@127.0.0.1:${server.port}/postgres`);
    await store.delete("sluice:p:a:key");
    await client.query(`ALTER ROLE "${USER}" RENAME TO somebody`);
    await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'somebody'");
    const error = await store
      .delete("sluice:p:a:key")
      .then(
        () => store.delete("sluice:p:a:key"),
        () => store.delete("sluice:p:a:key"),
      )
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "STORE_FAILED" });
    expect((error as Error).message).toContain('role "***" does not exist');
    expectNoSecrets(error);
    const listing = (async () => {
      for await (const _ of store.exportEntries());
    })();
    const ofListing = await listing.catch((reason: unknown) => reason);
    expect((ofListing as Error).message).toContain('role "***" does not exist');
    expectNoSecrets(ofListing);
    await store.close();
    await client.end();
  });
});

it("opens the master that the Sentinels report", async () => {
  const sentinel = await startRedisSentinel();
  try {
    const hosts = sentinel.sentinels.map(({ host, port }) => `${host}:${port}`).join(",");
    const store = await openStore(`redis-sentinel://${hosts}/${sentinel.name}`);
    const debouncer = createDebouncer({ store, window: "1m" });
    expect([await debouncer.seen("ann"), await debouncer.seen("ann")]).toEqual([false, true]);
    await store.close();
    const unknown = await failure(`redis-sentinel://${hosts}/nobody`);
    expect(unknown.code).toBe("STORAGE_UNAVAILABLE");
  } finally {
    await sentinel.stop();
  }
});

it("reports a missing DynamoDB table, and creates it if the option is set", async () => {
  const server = await startDynamodb();
  try {
    const query = new URLSearchParams({ region: "local", endpoint: server.url });
    const refused = await failure(`dynamodb://${CREDENTIALS}@limits?${query}`);
    expect(refused.code).toBe("STORAGE_UNAVAILABLE");
    expect(refused.message).toContain("The Access Key ID or security token is invalid");
    const storage = `dynamodb://AKIDLOCAL:${encodeURIComponent(PASSWORD)}@limits?${query}`;
    expect((await failure(storage)).code).toBe("STORE_NOT_READY");
    const store = await openStore(storage, { createSchema: true });
    const debouncer = createDebouncer({ store, window: "1m", timeout: "10s" });
    expect([await debouncer.seen("ann"), await debouncer.seen("ann")]).toEqual([false, true]);
    await store.close();
    await (await openStore(storage)).close();
  } finally {
    await server.stop();
  }
}, 60_000);

it("stores an SQLite file at the given path", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-open-"));
  try {
    const storage = `sqlite:${join(folder, "limits.db")}`;
    expect((await failure(storage)).code).toBe("STORE_NOT_READY");
    expect(await readdir(folder)).toEqual([]);
    for (const expected of [false, true]) {
      const store = await openStore(storage, { createSchema: true });
      expect(await createDebouncer({ store, window: "1m" }).seen("ann")).toBe(expected);
      await store.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
