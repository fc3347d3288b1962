import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createLimiter, fixedWindow, type SluiceError } from "@sluice/core";
import { createProtections } from "@sluice/protections";
import { startDynamodb, startPostgres, startRedis, startRedisCluster, startRedisSentinel } from "@sluice/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OpenStoreOptions, openStore } from "../src/index.js";
import "./quiet-aws-sdk.js";

const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-client-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Opens the store, makes decisions with it, and closes it. */
async function decide(storage: string, options?: OpenStoreOptions): Promise<void> {
  const store = await openStore(storage, options);
  try {
    const limiter = createLimiter({
      store,
      timeout: "5s",
      policies: fixedWindow({ limit: 1, window: "1m" }),
      prefix: "a",
    });
    await limiter.reset("k");
    expect([await limiter.consume("k"), await limiter.consume("k")]).toMatchObject([
      { allowed: true, source: "store" },
      { allowed: false, source: "store" },
    ]);
  } finally {
    await store.close();
  }
}

function failure(storage: string, options?: OpenStoreOptions): Promise<SluiceError> {
  return decide(storage, options).then(
    () => expect.fail("the storage was opened"),
    (error) => error,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("client options", () => {
  it.each<[OpenStoreOptions, string, RegExp]>([
    [
      { redis: { tsl: {} } as never },
      "UNKNOWN_OPTION",
      /openStore's option "redis" has no option "tsl": did you mean "tls"\?/,
    ],
    [{ pg: { sll: true } as never }, "UNKNOWN_OPTION", /"pg" has no option "sll": did you mean "ssl"\?/],
    [
      { dynamodb: { regoin: "x" } as never },
      "UNKNOWN_OPTION",
      /"dynamodb" has no option "regoin": did you mean "region"\?/,
    ],
    [{ sqlite: { encryptionkey: "x" } as never }, "UNKNOWN_OPTION", /"sqlite" has no .* "encryptionKey"\?/],
    [
      { redis: true as never },
      "INVALID_OPTION",
      /option "redis" must be an object with options of the client, got true/,
    ],
    [{ reds: {} } as never, "UNKNOWN_OPTION", /openStore has no option "reds": did you mean "redis"\?/],
  ])("are checked for every storage: %j", async (options, code, message) => {
    const error = await failure("memory:", options);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it("for other storages than that of the URL have no effect", async () => {
    await decide("memory:", { redis: { tls: {} }, pg: { ssl: true }, dynamodb: { region: "x" }, sqlite: {} });
  });

  it("reach the client of a store that protections use", async () => {
    const server = await startRedis({ args: ["--requirepass", "a-password"] });
    try {
      const store = await openStore(server.url, { redis: { password: "a-password" } });
      const protections = createProtections({ store });
      expect((await protections.limiter.consume("k")).source).toBe("store");
      await protections.close();
      await store.close();
    } finally {
      await server.stop();
    }
  });

  it("do not appear in errors if they are secret", async () => {
    const server = await startRedis({ args: ["--requirepass", "a-password"] });
    try {
      const error = await failure(server.url, { redis: { username: "h1dden-user", password: "an0ther-secret" } });
      expect(error.message).toMatch(/WRONGPASS/);
      const refused = await failure("postgres://127.0.0.1:1/app", {
        pg: { user: "h1dden-user", password: "an0ther-secret" },
      });
      for (const { message, cause } of [error, refused]) {
        expect(`${message}${cause}`).not.toMatch(/h1dden-user|an0ther-secret/);
      }
    } finally {
      await server.stop();
    }
  });
});

describe("TLS with an unknown certificate authority, as for Redis on Heroku", () => {
  let ca: string;
  let port: number;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const file = (name: string): string => join(folder, name);
    const openssl = (...args: string[]) => run("openssl", args);
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await openssl(
      "req",
      "-x509",
      ...key,
      "-keyout",
      file("ca.key"),
      "-out",
      file("ca.crt"),
      "-subj",
      "/CN=Own CA",
      "-days",
      "2",
    );
    await openssl("req", ...key, "-keyout", file("server.key"), "-out", file("server.csr"), ...subject);
    await openssl(
      ...[
        "x509",
        "-req",
        "-in",
        file("server.csr"),
        "-CA",
        file("ca.crt"),
        "-CAkey",
        file("ca.key"),
        "-CAcreateserial",
      ],
      ...["-out", file("server.crt"), "-days", "2", "-copy_extensions", "copy"],
    );
    ca = await readFile(file("ca.crt"), "utf8");
    port = await freePort();
    const server = await startRedis({
      args: [
        ...["--tls-port", String(port), "--tls-cert-file", file("server.crt"), "--tls-key-file", file("server.key")],
        ...["--tls-ca-cert-file", file("ca.crt"), "--tls-auth-clients", "no", "--requirepass", "s3cret"],
      ],
    });
    stop = () => server.stop();
  });
  afterAll(() => stop());

  it("is refused by default", async () => {
    const error = await failure(`rediss://:s3cret@localhost:${port}`);
    expect(error.code).toBe("STORAGE_UNAVAILABLE");
    expect(error.message).toMatch(/certificate/);
  });

  it("works with the authority's certificate", () =>
    decide(`rediss://:s3cret@localhost:${port}`, { redis: { tls: { ca } } }));

  it("works if the certificate is not checked", () =>
    decide(`rediss://:s3cret@127.0.0.1:${port}`, { redis: { tls: { rejectUnauthorized: false } } }));

  it("works with the password beside the URL", () =>
    decide(`rediss://localhost:${port}`, { redis: { password: "s3cret", tls: { ca }, family: 0 } }));
});

describe("Redis", () => {
  it("is reached through a Unix socket", async () => {
    const socket = join(folder, "redis.sock");
    const server = await startRedis({ args: ["--unixsocket", socket] });
    try {
      await decide("redis://localhost:1", { redis: { path: socket } });
    } finally {
      await server.stop();
    }
  });

  it("is found through Sentinels that need a password and report other addresses", async () => {
    const sentinel = await startRedisSentinel();
    try {
      const [{ host, port }] = sentinel.sentinels as [{ host: string; port: number }];
      const { Redis } = await import("ioredis");
      const admin = new Redis(port);
      await admin
        .call("CONFIG", "SET", "requirepass", "s3ntinel")
        .catch(() => admin.call("ACL", "SETUSER", "default", "on", "resetpass", ">s3ntinel"));
      admin.disconnect();
      const storage = `redis-sentinel://${host}:${port}/${sentinel.name}`;
      expect((await failure(storage)).code).toBe("STORAGE_UNAVAILABLE");
      await decide(storage, { redis: { sentinelPassword: "s3ntinel" } });
      const natMap = { [`127.0.0.1:${sentinel.master.port}`]: { host: "127.0.0.1", port: 1 } };
      const astray = await failure(storage, { redis: { sentinelPassword: "s3ntinel", natMap } });
      expect(astray.message).toMatch(/ECONNREFUSED/);
    } finally {
      await sentinel.stop();
    }
  });

  it("may be a cluster whose nodes are renamed by natMap, with a custom DNS lookup", async () => {
    const cluster = await startRedisCluster();
    try {
      const looked: string[] = [];
      const asked: string[] = [];
      await decide(`redis-cluster://nodes.example:${cluster.ports[0]}`, {
        redis: {
          connectionName: "sluice",
          dnsLookup(name, callback) {
            looked.push(name);
            callback(null, "127.0.0.1");
          },
          natMap(key) {
            asked.push(key);
            const [, port] = key.split(":");
            return { host: "127.0.0.1", port: Number(port) };
          },
          redisOptions: { socketTimeout: 1_000 },
        },
      });
      expect(looked).toContain("nodes.example");
      expect(asked.length).toBeGreaterThan(0);
    } finally {
      await cluster.stop();
    }
  });
});

describe("Postgres", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let sockets: string;

  beforeAll(async () => {
    sockets = await mkdtemp(join(tmpdir(), "sluice-pg-"));
    await run("chmod", ["777", sockets]);
    server = await startPostgres({ settings: { unix_socket_directories: sockets } });
  });
  afterAll(async () => {
    await server.stop();
    await rm(sockets, { recursive: true, force: true });
  });

  it("uses the user, a password function and other options along with the URL", async () => {
    const { default: pg } = await import("pg");
    const admin = new pg.Client(server.url);
    await admin.connect();
    await admin.query("CREATE ROLE iam SUPERUSER LOGIN PASSWORD 't0ken'");
    const { rows } = await admin.query<{ hba_file: string }>("SHOW hba_file");
    const file = rows[0]?.hba_file ?? "";
    await writeFile(file, `host all iam 127.0.0.1/32 scram-sha-256\n${await readFile(file, "utf8")}`);
    await admin.query("SELECT pg_reload_conf()");
    const { port, pathname } = new URL(server.url);
    let tokens = 0;
    await decide("postgres://somebody:wrong@127.0.0.1:1/nowhere?application_name=from-setting&sslmode=disable", {
      createSchema: true,
      pg: {
        port: Number(port),
        user: "iam",
        database: pathname.slice(1),
        async password() {
          tokens++;
          return "t0ken";
        },
      },
    });
    expect(tokens).toBeGreaterThan(0);
    await admin.end();
  });

  it("is reached through a Unix socket", async () => {
    const { port, username, pathname } = new URL(server.url);
    await decide(`postgres://${username}@localhost:${port}${pathname}`, { createSchema: true, pg: { host: sockets } });
  });

  it("keeps the parameters of the URL", async () => {
    const { default: pg } = await import("pg");
    const store = await openStore(`${server.url}?application_name=from-setting`, {
      createSchema: true,
      pg: { ssl: false, max: 3 },
    });
    const admin = new pg.Client(server.url);
    await admin.connect();
    await store.delete("sluice:a:b:c");
    const { rows } = await admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'from-setting'");
    expect(rows.length).toBeGreaterThan(0);
    await admin.end();
    await store.close();
  });
});

it("DynamoDB uses region, endpoint and credentials along with the URL", async () => {
  const server = await startDynamodb();
  try {
    await decide("dynamodb://limits", {
      createSchema: true,
      dynamodb: {
        region: "local",
        endpoint: server.url,
        credentials: async () => ({ accessKeyId: "AKIDLOCAL", secretAccessKey: "s3cret" }),
      },
    });
  } finally {
    await server.stop();
  }
}, 60_000);

it("SQLite uses options of its package, such as an encryption key", async () => {
  const storage = `sqlite:${join(folder, "limits.db")}`;
  const encrypted = { sqlite: { encryptionCipher: "aes256cbc", encryptionKey: "s3cret-key" } };
  await decide(storage, { createSchema: true, ...encrypted });
  await decide(storage, encrypted);
  const header = (await readFile(join(folder, "limits.db"))).subarray(0, 6).toString();
  // Node.js from 22.13 on includes SQLite, which has no encryption. So its file is readable.
  expect(header === "SQLite").toBe(Number.parseInt(process.versions.node, 10) >= 22);
});
