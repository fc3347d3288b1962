import { createLimiter, fixedWindow } from "@sluice/core";
import { afterEach, expect, it, vi } from "vitest";
import { createClockSkew } from "../src/requests.js";
import { serverWithTable } from "./server.js";

const { openStore } = await serverWithTable();
const realNow = Date.now;
afterEach(() => {
  Date.now = realNow;
});

const SERVER = "Tue, 14 Nov 2023 22:13:20 GMT";
const SERVER_MS = 1_700_000_000_000;

it.each([
  // The request was sent and answered around the second in the header, so no difference can be detected.
  [0, 5, 0],
  [990, 1_005, 0],
  [-20, 3, 0],
  [-5_000, 5_000, 0],
  // The request was sent after that second.
  [1_000, 1_010, 1],
  [5_000, 5_010, 4_001],
  // The answer arrived before that second.
  [-5_000, -4_990, -4_990],
])("a request from %i to %i ms after the server's second proves a skew of %i ms", (sent, answered, skewMs) => {
  const seen: number[] = [];
  createClockSkew(1, (ms) => seen.push(ms)).observe(SERVER, SERVER_MS + sent, SERVER_MS + answered);
  expect(seen).toEqual(skewMs === 0 ? [] : [skewMs]);
});

it("is reported once, and again only after the clock was right in between", () => {
  const seen: number[] = [];
  const { observe } = createClockSkew(1_000, (ms) => seen.push(ms));
  for (const aheadMs of [0, 500, 3_000, 4_000, 3_000, 0, -3_000, -3_000]) {
    observe(SERVER, SERVER_MS + 500 + aheadMs, SERVER_MS + 510 + aheadMs);
  }
  observe("no date", SERVER_MS + 90_000, SERVER_MS + 90_000);
  expect(seen).toEqual([2_501, -2_490]);
});

it("is reported to the application by reads and writes", async () => {
  const seen: number[] = [];
  const { store } = openStore({ onClockSkew: (ms) => seen.push(ms) });
  const limiter = createLimiter({ store, policies: fixedWindow({ limit: 5, window: "1h" }), timeout: "5s" });
  await limiter.consume("somebody");
  expect(seen).toEqual([]);
  Date.now = () => realNow() + 60_000;
  await limiter.consume("somebody");
  Date.now = () => realNow() - 60_000;
  await limiter.peek("somebody");
  Date.now = realNow;
  await limiter.peek("somebody");
  Date.now = () => realNow() - 60_000;
  await limiter.peek("somebody");
  expect(seen).toHaveLength(2);
  expect(seen[0]).toBeGreaterThan(57_000);
  expect(seen[1]).toBeLessThan(-57_000);
});

it("does not affect a decision if the listener throws", async () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => {});
  const { store } = openStore({
    onClockSkew() {
      throw new Error("thrown by the listener");
    },
  });
  const limiter = createLimiter({ store, policies: fixedWindow({ limit: 5, window: "1h" }), timeout: "5s" });
  Date.now = () => realNow() + 60_000;
  expect(await limiter.consume("somebody else")).toMatchObject({ source: "store", allowed: true });
  expect(printed).toHaveBeenCalledOnce();
  printed.mockRestore();
});
