import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { rateLimit as sluice, tokenBucket } from "@sluice/hono";
import { memoryStore } from "@sluice/store-memory";
import { Hono, type MiddlewareHandler } from "hono";
import { rateLimiter as peer } from "hono-rate-limiter";
import { LIMIT } from "../limit.js";
import type { Case, RatioOf } from "../suite.js";
import { appCase } from "./http-app.js";

function honoCase(id: string, name: string, fields: readonly string[], middleware?: () => MiddlewareHandler): Case {
  return appCase(`http.hono.${id}`, name, fields, () => {
    const app = new Hono();
    if (middleware !== undefined) app.use(middleware());
    app.get("/", (c) => c.text("Hello"));
    return createAdaptorServer({ fetch: app.fetch }) as Server;
  });
}

const bothFields = ["ratelimit", "ratelimit-policy"];

/** The minimal middleware that sets these fields. */
function handWritten(): MiddlewareHandler {
  return (c, next) => {
    c.header("RateLimit-Policy", '"default";q=1000000000;w=1');
    c.header("RateLimit", '"default";r=999999999;t=1');
    return next();
  };
}

export const packages: readonly string[] = ["hono", "@hono/node-server", "hono-rate-limiter"];

export const cases: readonly Case[] = [
  honoCase("bare-app", "Hono, nothing but a route", []),
  honoCase("two-fields", "Hono, a middleware that sets the two fields", bothFields, handWritten),
  honoCase("sluice", "Hono, Sluice", bothFields, () =>
    sluice(memoryStore(), tokenBucket({ rate: LIMIT }), { getConnInfo }),
  ),
  honoCase("hono-rate-limiter", "Hono, hono-rate-limiter, draft 7", bothFields, () =>
    peer({
      windowMs: 60_000,
      limit: LIMIT,
      standardHeaders: "draft-7",
      keyGenerator: (c) => getConnInfo(c).remote.address ?? "",
    }),
  ),
];

export const ratios: readonly RatioOf[] = [
  { id: "http.hono.bare", of: "http.hono.sluice", against: ["http.hono.bare-app"] },
  { id: "http.hono.floor", of: "http.hono.sluice", against: ["http.hono.two-fields"] },
  { id: "http.hono.floor.cpu", of: "http.hono.two-fields.cpu", against: ["http.hono.sluice.cpu"] },
  { id: "http.hono.peer", of: "http.hono.sluice", against: ["http.hono.hono-rate-limiter"] },
];
