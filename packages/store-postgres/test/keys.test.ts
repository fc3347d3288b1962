import { createHash, randomBytes } from "node:crypto";
import { createLimiter, fixedWindow } from "@sluice/core";
import { storedKeys } from "@sluice/core/store";
import { expect, it } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, startDatabases } from "./database.js";

const databases = await startDatabases();

const keys = storedKeys(createHash);

function rowKey(scope: string, key: string): string {
  const stored = keys.of(scope, key);
  return stored.scope + stored.key;
}

function rowKeyOf(entryKey: string): string {
  const stored = keys.ofEntryKey(entryKey);
  return stored.scope + stored.key;
}

/** Text that does not compress, so that the index cannot shorten it. */
const random = (length: number) => randomBytes(length).toString("base64").slice(0, length);

it("stores a row's key as readable text as far as the database allows", () => {
  expect(rowKey("api:default:token-bucket:", "192.0.2.1")).toBe("api:default:token-bucket:192.0.2.1");
  expect(rowKeyOf("api:default:token-bucket:192.0.2.1")).toBe("api:default:token-bucket:192.0.2.1");
  for (const key of ["a\0b", "x".repeat(257), "\ud800", "#"]) {
    expect(rowKey("api:default:token-bucket:", key)).toMatch(/^api:default:token-bucket:#[0-9a-f]{64}$/);
  }
  expect(rowKey(`${random(800)}:default:token-bucket:`, "a")).toMatch(/^#[0-9a-f]{64}$/);
  expect(rowKey("a\0b:default:token-bucket:", "a")).toMatch(/^#[0-9a-f]{64}$/);
});

it("never stores a key that is too long for the index", () => {
  for (const key of ["é".repeat(256), "€".repeat(256), "😀".repeat(128), "€".repeat(10_000)]) {
    for (const prefix of ["", "€".repeat(500), "€".repeat(543), "€".repeat(10_000)]) {
      expect(Buffer.byteLength(rowKey(`${prefix}:default:token-bucket:`, key))).toBeLessThanOrEqual(2_704);
    }
  }
});

describeDatabases(databases, ({ admin }) => {
  it("keeps long keys apart that do not compress, even with long scopes", async () => {
    const store = postgresStore({ client: admin });
    const long = random(3_000);
    const keys = [long, `${long}1`, `${long}2`, random(250), "€".repeat(250), random(10_240)];
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 1_000, window: "1h" }), timeout: "20s" });
    for (const [i, key] of keys.entries()) {
      const decision = await limiter.consume(key, { cost: i + 1 });
      if (decision.error) throw decision.error;
      expect(decision.remaining).toBe(999 - i);
    }
    const entries = ["", `${random(500)}:a:b:`, `${long}:a:b:`].flatMap((scope) => keys.map((key) => scope + key));
    for (const [i, entry] of entries.entries()) {
      expect(await store.atomicUpdate<number>(entry, (state) => ({ state: (state ?? 0) + i, ttlMs: 60_000 }))).toBe(i);
    }
  });
});
