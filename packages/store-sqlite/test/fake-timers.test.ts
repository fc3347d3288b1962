import { createLimiter, fixedWindow, type Limiter } from "@sluice/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type OpenSqliteClient, sqliteStore } from "../src/index.js";
import { openSeveral } from "./files.js";

const ALL = [
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "clearInterval",
  "setImmediate",
  "clearImmediate",
  "queueMicrotask",
  "performance",
  "hrtime",
  "Date",
] as const;

function useFakeTimers(): void {
  // `process.nextTick` stays real, since this process needs it to send messages to Vitest. Jest's tests replace it too.
  vi.useFakeTimers({ toFake: [...ALL] });
}

function useRealTimers(): void {
  vi.useRealTimers();
  vi.restoreAllMocks();
}

afterEach(useRealTimers);

function limiterOn(client: OpenSqliteClient): Limiter {
  return createLimiter({
    store: sqliteStore({ client }),
    policies: fixedWindow({ limit: 4, window: "1d" }),
    timeout: "5s",
  });
}

/** The number of allowed requests among ten concurrent ones for a key. The store must decide all of them. */
async function allowed(limiter: Limiter, key: string): Promise<number> {
  const decisions = await Promise.all(Array.from({ length: 10 }, () => limiter.consume(key)));
  expect(decisions.filter(({ source }) => source !== "store")).toEqual([]);
  return decisions.filter((decision) => decision.allowed).length;
}

describe("with fake timers that never advance", () => {
  it("decides, even after real timers are back, with an existing store", async () => {
    const { clients } = await openSeveral(1);
    const limiter = limiterOn(clients[0] as OpenSqliteClient);
    expect(await allowed(limiter, "real")).toBe(4);
    for (const time of [1, 2]) {
      useFakeTimers();
      for (let i = 0; i < 3; i++) expect(await allowed(limiter, `fake ${time} ${i}`)).toBe(4);
      useRealTimers();
      for (let i = 0; i < 3; i++) expect(await allowed(limiter, `real ${time} ${i}`)).toBe(4);
    }
  });

  it("decides, even after real timers are back, with a store created under fake timers", async () => {
    const { clients } = await openSeveral(1);
    useFakeTimers();
    const limiter = limiterOn(clients[0] as OpenSqliteClient);
    expect(await allowed(limiter, "fake")).toBe(4);
    useRealTimers();
    expect(await allowed(limiter, "real")).toBe(4);
  });

  it("answers calls that are pending when timers are replaced", async () => {
    const { clients } = await openSeveral(1);
    const limiter = limiterOn(clients[0] as OpenSqliteClient);
    const before = allowed(limiter, "before");
    useFakeTimers();
    const during = allowed(limiter, "during");
    expect(await before).toBe(4);
    expect(await during).toBe(4);
  });

  it("answers calls that are pending when real timers are restored", async () => {
    const { clients } = await openSeveral(1);
    const limiter = limiterOn(clients[0] as OpenSqliteClient);
    expect(await allowed(limiter, "real")).toBe(4);
    useFakeTimers();
    const during = allowed(limiter, "during");
    useRealTimers();
    const after = allowed(limiter, "after");
    expect(await during).toBe(4);
    expect(await after).toBe(4);
  });

  it.each(["before", "after"])("waits for the lock of another process, taken %s timers are replaced", async (when) => {
    const { clients } = await openSeveral(2);
    const [client, other] = clients as [OpenSqliteClient, OpenSqliteClient];
    const limiter = limiterOn(client);
    const realSleep = sleeper();
    if (when === "after") useFakeTimers();
    other.exec("BEGIN IMMEDIATE");
    const waiting = allowed(limiter, "somebody");
    await realSleep(20);
    if (when === "before") useFakeTimers();
    await realSleep(20);
    other.exec("COMMIT");
    expect(await waiting).toBe(4);
  });
});

/** A sleep that fake timers do not replace. */
function sleeper(): (ms: number) => Promise<void> {
  const sleep = setTimeout;
  return (ms) => new Promise((resolve) => void sleep(resolve, ms));
}
