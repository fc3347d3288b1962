import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { fixedWindow } from "@sluice/core";
import { rateLimit as rateLimitExpress } from "@sluice/express";
import { rateLimit as rateLimitHono } from "@sluice/hono";
import { rateLimit as rateLimitKoa } from "@sluice/koa";
import { type RedisServer, startRedis } from "@sluice/servers";
import { redisStore } from "@sluice/store-redis";
import express from "express";
import { Hono } from "hono";
import { Redis } from "ioredis";
import Koa from "koa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const requests = new AsyncLocalStorage<string>();
const inContext = () => requests.getStore();

let redis: RedisServer;
let client: Redis;

beforeAll(async () => {
  redis = await startRedis();
  client = new Redis({ port: redis.port });
});

afterAll(async () => {
  await client.quit();
  await redis.stop();
});

/** The contexts in which the app's functions ran, each with the request's name. */
interface Seen {
  readonly refunds: [name: string | undefined, context: string | undefined][];
}

const name = "x-name";
const policies = fixedWindow({ limit: 2, window: "1h" });

const apps: Readonly<Record<string, (seen: Seen) => RequestListener | Server>> = {
  Express({ refunds }) {
    const app = express();
    app.use((req, _res, next) => requests.run(req.get(name) ?? "", next));
    app.use(
      rateLimitExpress(redisStore({ client }), policies, {
        prefix: "express",
        key: (req) => req.get("x-key") ?? "",
        refundWhen: (_outcome, req) => refunds.push([req.get(name), inContext()]) < 0,
        handler: (_req, res) => res.end(inContext()),
      }),
    );
    return app.use((_req, res) => void res.end(inContext()));
  },
  Koa({ refunds }) {
    const app = new Koa();
    app.use((ctx, next) => requests.run(ctx.get(name), next));
    app.use(
      rateLimitKoa(redisStore({ client }), policies, {
        prefix: "koa",
        key: (ctx) => ctx.get("x-key"),
        refundWhen: (_outcome, ctx) => refunds.push([ctx.get(name), inContext()]) < 0,
        handler(ctx) {
          ctx.body = inContext();
        },
      }),
    );
    app.use((ctx) => {
      ctx.body = inContext();
    });
    return app.callback();
  },
  Hono({ refunds }) {
    const app = new Hono();
    app.use((c, next) => requests.run(c.req.header(name) ?? "", next));
    app.use(
      rateLimitHono(redisStore({ client }), policies, {
        prefix: "hono",
        key: (c) => c.req.header("x-key") ?? "",
        refundWhen: (_outcome, c) => refunds.push([c.req.header(name), inContext()]) < 0,
        handler: (c) => c.text(inContext() ?? ""),
      }),
    );
    app.get("/", (c) => c.text(inContext() ?? ""));
    return createAdaptorServer({ fetch: app.fetch }) as Server;
  },
};

describe.each(Object.entries(apps))("with %s, decisions of one Redis batch", (_, appOf) => {
  it("run the route, a rejection handler and refundWhen in the context of their request", async () => {
    const seen: Seen = { refunds: [] };
    const app = appOf(seen);
    const server = typeof app === "function" ? createServer(app) : app;
    await once(server.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const names = Array.from({ length: 12 }, (_, i) => `request ${i}`);
    const answers = await Promise.all(
      names.map(async (value, i) => {
        const response = await fetch(url, { headers: { [name]: value, "x-key": `${i % 3}` } });
        return [response.status, await response.text()] as const;
      }),
    );
    expect(answers.map(([, context]) => context)).toEqual(names);
    expect(answers.filter(([status]) => status === 429).length).toBe(6);
    await expect.poll(() => seen.refunds.length).toBe(6);
    for (const [sender, context] of seen.refunds) expect(context).toBe(sender);
    server.closeAllConnections();
    await once(server.close(), "close");
  });
});
