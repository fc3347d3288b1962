import { createServer } from "node:http";
import { rateLimit as sluice, tokenBucket } from "@sluice/koa";
import { memoryStore } from "@sluice/store-memory";
import Koa, { type Middleware } from "koa";
import peer from "koa-ratelimit";
import { LIMIT } from "../limit.js";
import type { Case, RatioOf } from "../suite.js";
import { appCase } from "./http-app.js";

function koaCase(id: string, name: string, fields: readonly string[], middleware?: () => Middleware): Case {
  return appCase(`http.koa.${id}`, name, fields, () => {
    const app = new Koa();
    if (middleware !== undefined) app.use(middleware());
    app.use((ctx) => {
      ctx.body = "Hello";
    });
    return createServer(app.callback());
  });
}

const bothFields = ["ratelimit", "ratelimit-policy"];

/** The minimal middleware that sets these fields. */
function handWritten(): Middleware {
  return (ctx, next) => {
    ctx.res.setHeader("RateLimit-Policy", '"default";q=1000000000;w=1');
    ctx.res.setHeader("RateLimit", '"default";r=999999999;t=1');
    return next();
  };
}

export const packages: readonly string[] = ["koa", "koa-ratelimit"];

export const cases: readonly Case[] = [
  koaCase("bare-app", "Koa, nothing but a route", []),
  koaCase("two-fields", "Koa, a middleware that sets the two fields", bothFields, handWritten),
  koaCase("sluice", "Koa, Sluice", bothFields, () => sluice(memoryStore(), tokenBucket({ rate: LIMIT }))),
  koaCase(
    "koa-ratelimit",
    "Koa, koa-ratelimit",
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    () => peer({ driver: "memory", db: new Map(), duration: 60_000, max: LIMIT }),
  ),
];

export const ratios: readonly RatioOf[] = [
  { id: "http.koa.bare", of: "http.koa.sluice", against: ["http.koa.bare-app"] },
  { id: "http.koa.floor", of: "http.koa.sluice", against: ["http.koa.two-fields"] },
  { id: "http.koa.floor.cpu", of: "http.koa.two-fields.cpu", against: ["http.koa.sluice.cpu"] },
  { id: "http.koa.peer", of: "http.koa.sluice", against: ["http.koa.koa-ratelimit"] },
];
