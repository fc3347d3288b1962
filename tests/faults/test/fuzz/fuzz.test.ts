import { slidingLog } from "@sluice/core";
import { memoryStore } from "@sluice/store-memory";
import type { AdapterServer } from "@sluice/testkit";
import { manualClock } from "@sluice/testkit";
import express from "express";
import koa from "koa";
import { describe, expect, it, onTestFinished } from "vitest";
import { guardsOn as expressGuards } from "../../../../packages/express/test/guarded.js";
import { adapterOn as expressOn } from "../../../../packages/express/test/serve.js";
import { guardsOnNode as honoGuards, adapterOnNode as honoOn } from "../../../../packages/hono/test/serve.js";
import { guardsOn as koaGuards } from "../../../../packages/koa/test/guarded.js";
import { adapterOn as koaOn } from "../../../../packages/koa/test/serve.js";
import { randomFrom, seedOfRun } from "../../../../packages/testkit/src/random.js";
import { fieldIn, type RawAnswer, type RawRequest, rawRequest, send, usualRequest } from "./raw-requests.js";

const REQUESTS = 300;
const CLIENTS = ["192.0.2.1", "192.0.2.2", "198.51.100.7", "2001:db8:1::1", "2001:db8:2::1"] as const;

const seed = seedOfRun();

/**
 * Sends the same requests to an app without the middleware and to one with it, and checks each answer. Returns the
 * statuses, with 0 for a missing answer.
 */
async function compare(
  plain: AdapterServer,
  guarded: AdapterServer,
  requests: readonly RawRequest[],
  check: (request: RawRequest, answer: RawAnswer, usual: RawAnswer) => void,
): Promise<readonly number[]> {
  onTestFinished(async () => {
    await Promise.all([plain.close(), guarded.close()]);
  });
  const statuses: number[] = [];
  for (const [i, request] of requests.entries()) {
    const [usual, answer] = await Promise.all([send(plain, request), send(guarded, request)]);
    statuses.push(answer?.status ?? 0);
    // One of the servers was slow, is waiting for more, or has ended the connection.
    if (answer === undefined || usual === undefined) continue;
    try {
      check(request, answer, usual);
    } catch (error) {
      const found = JSON.stringify({ request: request.text, answer: [answer.status, ...answer.fields, answer.body] });
      throw new Error(`SLUICE_SEED=${seed}, request ${i}: ${(error as Error).message}\n${found}`, { cause: error });
    }
  }
  return statuses;
}

function oddRequests(): readonly RawRequest[] {
  const random = randomFrom(seed);
  return Array.from({ length: REQUESTS }, () => rawRequest(random, CLIENTS));
}

/** One request more than the limit. */
function usualRequests(address: string, limit: number): readonly RawRequest[] {
  return Array.from({ length: limit + 1 }, () => usualRequest("GET", address));
}

const PROBLEMS: Readonly<Record<number, string>> = {
  409: "Conflict",
  429: "Request cannot be satisfied as assigned quota has been exceeded",
};

/** Checks that an answer is the app's own or a documented denial. */
function expectDocumented(request: RawRequest, answer: RawAnswer, usual: RawAnswer): void {
  const { status, fields, body } = answer;
  // Node.js answers 400 if it finds that more text follows the request.
  expect([usual.status, 400, 409, 429]).toContain(status);
  for (const value of fields.values()) expect(value).toMatch(/^[\x20-\x7e]*$/);
  const title = PROBLEMS[status];
  expect(fields.get("retry-after") ?? "1").toMatch(/^[1-9]\d*$/);
  expect(fields.has("retry-after")).toBe(status === 429);
  if (title === undefined) return;
  expect(fields.get("content-type")).toBe("application/problem+json");
  expect(fields.get("cache-control")).toBe("no-store");
  if (!request.text.startsWith("HEAD ")) expect(JSON.parse(body)).toMatchObject({ status, title });
}

/**
 * Checks the RateLimit fields, and returns the remaining quota that they report. `undefined` for an answer that was not
 * charged.
 */
function remainingIn(request: RawRequest, { status, fields }: RawAnswer, limit: number): number | undefined {
  const state = fields.get("ratelimit");
  if (state === undefined) {
    const isPreflight =
      request.text.startsWith("OPTIONS ") && fieldIn(request, "access-control-request-method") !== undefined;
    expect(status !== 200 || isPreflight).toBe(true);
    return undefined;
  }
  expect(fields.get("ratelimit-policy")).toBe(`"default";q=${limit};w=86400`);
  const [, remaining] = /^"default";r=(\d+);t=\d+$/.exec(state) ?? [];
  expect(remaining).toBeDefined();
  return Number(remaining);
}

/** Follows one client, and checks that its requests are charged and that its limit is kept. */
function meter(limit: number): (status: number, remaining: number) => void {
  let [admitted, least] = [0, limit];
  return (status, remaining) => {
    // Requests whose answers were lost may have been charged.
    if (status === 429) expect(remaining).toBe(0);
    else {
      admitted++;
      expect(remaining).toBeLessThan(least);
    }
    least = remaining;
    expect(admitted).toBeLessThanOrEqual(limit);
  };
}

describe("odd requests are answered as documented", () => {
  it.each([
    ["Express", expressOn(express)],
    ["Koa", koaOn(koa)],
    ["Hono", honoOn()],
    ["Hono, which reads Forwarded", honoOn(undefined, "forwarded")],
  ])("and never exceed a client's limit, with rateLimit of %s behind a proxy", async (_, adapter) => {
    const limit = 20;
    const policies = slidingLog({ limit, window: "1d" });
    const app = { route: "text", trustProxy: true, hold: async () => {} } as const;
    const plain = await adapter.serve({ ...app, uses: [] });
    const limited = await adapter.serve({
      ...app,
      uses: [{ of: memoryStore(), policies }],
    });
    const meters = new Map(CLIENTS.map((address) => [address as string, meter(limit)]));
    const requests = [...oddRequests(), ...CLIENTS.flatMap((address) => usualRequests(address, limit))];
    const statuses = await compare(plain, limited, requests, (request, answer, usual) => {
      expectDocumented(request, answer, usual);
      const remaining = remainingIn(request, answer, limit);
      if (remaining !== undefined) meters.get(request.address)?.(answer.status, remaining);
    });
    expect(limited.errors.length).toBeLessThanOrEqual(plain.errors.length);
    for (const client of CLIENTS.keys()) expect(statuses[REQUESTS + (client + 1) * (limit + 1) - 1]).toBe(429);
  });

  it.each([
    ["Express", expressGuards(express)],
    ["Koa", koaGuards(koa)],
    ["Hono", honoGuards()],
  ])("and never repeat an Idempotency-Key, with protect of %s", async (_, adapter) => {
    const limit = 100;
    const app = { parsesBodies: false, status: () => 200, property: "none" };
    const protections = adapter.createProtections({
      store: memoryStore(),
      clock: manualClock(),
      limiter: { policies: slidingLog({ limit, window: "1d" }) },
      debounce: { window: "1d" },
    });
    const options = { fingerprint: (request: never) => adapter.header(request, "idempotency-key") };
    const plain = await adapter.serve({ ...app, middleware: [] });
    const guarded = await adapter.serve({
      ...app,
      middleware: [adapter.middleware.protect(protections as never, options as never)],
    });
    const charge = meter(limit);
    const seen = new Set<string>();
    const twice = [1, 2].map(() => usualRequest("POST", CLIENTS[0], "first"));
    const requests = [...twice, ...oddRequests(), ...usualRequests(CLIENTS[0], limit)];
    const statuses = await compare(plain, guarded, requests, (request, answer, usual) => {
      expectDocumented(request, answer, usual);
      const remaining = answer.status === 409 ? undefined : remainingIn(request, answer, limit);
      if (remaining !== undefined) charge(answer.status, remaining);
      const key = fieldIn(request, "idempotency-key") || undefined;
      const isSafe = /^(?:GET|HEAD|OPTIONS|TRACE|PROPFIND|QUERY) /.test(request.text);
      if (remaining === undefined || answer.status === 429 || key === undefined || isSafe) return;
      expect(seen).not.toContain(key);
      seen.add(key);
    });
    expect(guarded.errors.length).toBeLessThanOrEqual(plain.errors.length);
    expect(statuses.slice(0, 2)).toEqual([200, 409]);
    expect(statuses.at(-1)).toBe(429);
  });
});
