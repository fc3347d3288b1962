import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type { WriteStream } from "node:tty";
import { createLimiter, fixedWindow } from "@sluice/core";
import type { ExportedEntry } from "@sluice/core/store";
import { startPostgres, startRedis } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import { createSchema as createPostgresSchema } from "@sluice/store-postgres";
import { redisStore } from "@sluice/store-redis";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { createProgress } from "../src/move/progress.js";

const [redisServer, postgresServer] = await Promise.all([startRedis(), startPostgres()]);
const redis = new Redis(redisServer.port);
const pool = new pg.Pool({ connectionString: postgresServer.url, max: 2 });
// The server may close a connection before the pool does.
pool.on("error", () => {});
afterAll(async () => {
  redis.disconnect();
  await pool.end();
  await Promise.all([redisServer.stop(), postgresServer.stop()]);
});

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const policies = fixedWindow({ limit: 10, window: "1d" });

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[], env: Record<string, string> = {}) {
  const script = new URL("../dist/cli.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const ended = Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]).then(
    ([[status], out, err]): Ended => ({ status, out, err }),
  );
  return { child, ended };
}

const sluice = (args: readonly string[], env?: Record<string, string>): Promise<Ended> => start(args, env).ended;

async function fill(count: number): Promise<void> {
  const store = redisStore({ client: redis });
  const nowMs = Date.now();
  const entries = Array.from(
    { length: count },
    (_, i): ExportedEntry => ({
      key: `sluice:default:fixed-window:client ${i}`,
      state: [1, 0, [nowMs, 1 + (i % 10)]],
      expiresAtMs: nowMs + 86_400_000,
    }),
  );
  await store.importEntries(entries);
}

async function rows(): Promise<number> {
  return (await pool.query("SELECT count(*)::int AS count FROM sluice.sluice_entries")).rows[0].count;
}

beforeEach(async () => {
  await redis.flushall();
  await createPostgresSchema(pool);
  await pool.query("TRUNCATE sluice.sluice_entries");
});

describe("sluice move", () => {
  it("moves, reports the result, and changes nothing the second time", async () => {
    await fill(1_234);
    const first = await sluice(["move", redisServer.url, postgresServer.url]);
    expect(first).toMatchObject({ status: 0, err: "" });
    expect(first.out.replace(/in \d+\.\d s/, "in T s")).toBe(
      `Moved redis://127.0.0.1:${redisServer.port} to postgres://***@127.0.0.1:${postgresServer.port}/postgres in T s:
  1,234 entries read
  1,234 new in the target
`,
    );
    const second = await sluice(["move", redisServer.url, postgresServer.url]);
    expect(second.out).toContain("\n      0 new in the target\n  1,234 already there\n");
    const store = await openStore(postgresServer.url);
    const limiter = createLimiter({ store, policies });
    expect((await limiter.peek("client 6")).remaining).toBe(3);
    await store.close();
  });

  it("reports as JSON, and writes nothing in a dry run", async () => {
    await fill(10);
    // A flag never takes the following argument as its value.
    const { status, out } = await sluice(["move", "--json", "--dry-run", redisServer.url, postgresServer.url]);
    expect([status, JSON.parse(out)]).toEqual([
      0,
      {
        status: "done",
        from: `redis://127.0.0.1:${redisServer.port}`,
        to: `postgres://***@127.0.0.1:${postgresServer.port}/postgres`,
        dryRun: true,
        tookMs: expect.any(Number),
        read: 10,
        written: 10,
        merged: 0,
        alreadyThere: 0,
        expired: 0,
        leftOut: {},
      },
    ]);
    expect(await rows()).toBe(0);
  });

  it("creates the table with --create", async () => {
    await fill(3);
    await pool.query("DROP TABLE sluice.sluice_entries, sluice.sluice_entries_migrations");
    const without = await sluice(["move", redisServer.url, postgresServer.url]);
    expect(without).toMatchObject({ status: 1, err: expect.stringMatching(/--create \(STORE_NOT_READY\)\n$/) });
    expect(without.err).toContain(`sluice: postgres://***@127.0.0.1:${postgresServer.port}/postgres: the table`);
    expect(without.err).toContain("of @sluice/store-postgres");
    expect((await sluice(["move", "--create", redisServer.url, postgresServer.url])).status).toBe(0);
    expect(await rows()).toBe(3);
  });

  it("reads URLs from the environment, and accepts files", async () => {
    await fill(5);
    const folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
    try {
      const env = { FROM: redisServer.url, TO: `sqlite:${join(folder, "limits.db")}` };
      const ended = await sluice(["move", "--create", "--json", "env:FROM", "env:TO"], env);
      expect([ended.status, JSON.parse(ended.out)]).toMatchObject([0, { written: 5 }]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("ends cleanly on %s, and resumes when it is run again", async (signal, status) => {
    const count = 60_000;
    await fill(count);
    const { child, ended } = start(["move", "--json", redisServer.url, postgresServer.url]);
    while ((await rows()) === 0) expect(child.exitCode).toBeNull();
    child.kill(signal);
    const interrupted = await ended;
    expect(interrupted.status).toBe(status);
    expect(interrupted.err).toContain("Run the command again to continue.");
    const summary = JSON.parse(interrupted.out);
    expect(summary).toMatchObject({ status: "interrupted", written: await rows(), read: await rows() });
    expect(summary.read).toBeLessThan(count);
    const again = await sluice(["move", "--json", redisServer.url, postgresServer.url]);
    expect([again.status, JSON.parse(again.out)]).toMatchObject([
      0,
      { read: count, written: count - summary.written, alreadyThere: summary.written },
    ]);
    expect(await rows()).toBe(count);
  });
});

describe("errors", () => {
  const SECRETS = /s3cret|hunter2/;
  const [from, to] = ["redis://ada:s3cret@127.0.0.1:1", "postgres://bob:hunter2@127.0.0.1:1/app"];

  it.each([
    [[], 2, /a command is missing/],
    [["migrate", from, to], 2, /unknown command: the commands are move/],
    [[from, to], 2, /unknown command/],
    [["move", from], 2, /missing required argument 'TO'/],
    [["move", from, to, to], 2, /Expected 2 arguments but got 3/],
    [["move", from, from], 2, /the same store/],
    [["move", "--fast", from, to], 2, /unknown option '--fast'/],
    [["move", `--${from}`, from, to], 2, /unknown option\n/],
    [["move", "env:NOT_SET", to], 2, /"NOT_SET", which is not set/],
    [["move", "memory:", to], 2, /FROM is "memory:".*INVALID_STORAGE/s],
    [["move", from, "memory:"], 2, /TO is "memory:".*INVALID_STORAGE/s],
    [["move", from, "sqlite::memory:"], 2, /TO is "sqlite::memory:".*INVALID_STORAGE/s],
    [["move", "mysql://ada:s3cret@host", to], 2, /INVALID_STORAGE/],
    [["move", from, to], 1, /STORAGE_UNAVAILABLE/],
    [["move", redisServer.url, to], 1, /STORAGE_UNAVAILABLE/],
  ] as const)("%j ends with %i and the reason, without passwords", async (args, status, reason) => {
    const ended = await sluice(args);
    expect(ended.status).toBe(status);
    expect(ended.err).toMatch(reason);
    expect(ended.out + ended.err).not.toMatch(SECRETS);
  });

  it("are reported as JSON too", async () => {
    const { status, out } = await sluice(["move", "--json", redisServer.url, to]);
    expect([status, JSON.parse(out)]).toMatchObject([
      1,
      { status: "failed", read: 0, error: { code: "STORAGE_UNAVAILABLE" } },
    ]);
    expect(out).not.toMatch(SECRETS);
  });
});

it("prints its help and its version", async () => {
  const help = await sluice(["--help"]);
  expect(help).toMatchObject({ status: 0, err: "" });
  expect(help.out).toContain("move all state from one store to another");
  const ofMove = await sluice(["move", "--help"]);
  expect(ofMove).toMatchObject({ status: 0, err: "" });
  for (const option of ["--dry-run", "--create", "--json", "--no-progress", "env:NAME"]) {
    expect(ofMove.out).toContain(option);
  }
  expect(`${help.out}${ofMove.out}`.split("\n").every((line) => line.length <= 128)).toBe(true);
  expect(await sluice(["--version"])).toEqual({ status: 0, out: `${version}\n`, err: "" });
});

describe("the progress bar", () => {
  function terminalOf(columns: number) {
    const terminal = Object.assign(new PassThrough(), { columns, isTTY: true });
    const drawn = async (): Promise<string> => {
      terminal.end();
      return text(terminal);
    };
    return { terminal: terminal as unknown as WriteStream, drawn };
  }

  it.each([
    [12_345, undefined, 1_000, "counting: 12,345 entries"],
    [0, 10, 0, `${"░".repeat(24)} 0 %  0 of 10 entries`],
    [2_500, 10_000, 3_000, `${"█".repeat(6)}${"░".repeat(18)} 25 %  2,500 of 10,000 entries, 9 s left`],
    [11, 10, 5_000, `${"█".repeat(24)} 100 %  11 of 10 entries, 0 s left`],
    [0, 0, 1, `${"█".repeat(24)} 100 %  0 of 0 entries, 0 s left`],
  ])("shows the progress and the remaining time: %d of %s after %d ms", async (done, all, tookMs, line) => {
    const { terminal, drawn } = terminalOf(120);
    let nowMs = 1_000;
    const progress = createProgress(terminal, () => nowMs);
    progress.show(0, all);
    nowMs += tookMs;
    progress.show(done, all);
    progress.end();
    const lines = (await drawn()).split("\u001b[1G").map((one) => one.split("\u001b")[0]);
    expect(lines).toContain(line);
  });

  it("measures the remaining time from the end of counting, and works on a terminal without a width", async () => {
    const { terminal, drawn } = terminalOf(0);
    let nowMs = 1_000;
    const progress = createProgress(terminal, () => nowMs);
    progress.show(1, undefined);
    nowMs = 61_000;
    progress.show(0, 10);
    nowMs = 62_000;
    progress.show(5, 10);
    progress.end();
    const all = await drawn();
    expect(all).toContain("counting: 1 entries");
    expect(all).toContain("5 of 10 entries, 1 s left");
  });

  it("fits into one line of the terminal, is rarely redrawn, and is removed at the end", async () => {
    const { terminal, drawn } = terminalOf(40);
    const progress = createProgress(terminal);
    for (let i = 0; i <= 1_000; i++) progress.show(i, 1_000);
    progress.end();
    progress.show(1_000, 1_000);
    const all = await drawn();
    const lines = all.split("\u001b[1G").slice(1);
    expect(lines.length).toBeLessThan(10);
    const withoutCodes = (line: string): string =>
      ["[0K", "[2K", "8"].reduce((left, code) => left.replace(`\u001b${code}`, ""), line);
    expect(lines.every((line) => withoutCodes(line).length < 40)).toBe(true);
    expect(all).toContain("100 %");
    expect(all.endsWith("\u001b[1G\u001b[2K")).toBe(true);
  });

  it("leaves signals to the command", () => {
    const before = process.listenerCount("SIGINT");
    const { terminal } = terminalOf(40);
    const progress = createProgress(terminal);
    progress.show(1, 2);
    expect(process.listenerCount("SIGINT")).toBe(before);
    progress.end();
  });
});
