import { createServer } from "node:http";
import { rateLimit as sluice, tokenBucket } from "@sluice/express";
import { memoryStore } from "@sluice/store-memory";
import express, { type Express, type RequestHandler } from "express";
import { rateLimit as peer } from "express-rate-limit";
import { LIMIT } from "../limit.js";
import type { Case, RatioOf } from "../suite.js";
import { appCase } from "./http-app.js";

function expressCase(id: string, name: string, fields: readonly string[], middleware?: () => RequestHandler): Case {
  return appCase(`http.express.${id}`, name, fields, () => {
    const app: Express = express();
    if (middleware !== undefined) app.use(middleware());
    app.get("/", (_req, res) => {
      res.send("Hello");
    });
    return createServer(app);
  });
}

const bothFields = ["ratelimit", "ratelimit-policy"];

/** The minimal middleware that sets these fields. */
function handWritten(): RequestHandler {
  return (_req, res, next) => {
    res.setHeader("RateLimit-Policy", '"default";q=1000000000;w=1');
    res.setHeader("RateLimit", '"default";r=999999999;t=1');
    next();
  };
}

function peerWith(standardHeaders: "draft-7" | "draft-8"): RequestHandler {
  return peer({ windowMs: 60_000, limit: LIMIT, standardHeaders, legacyHeaders: false });
}

export const packages: readonly string[] = ["express", "express-rate-limit"];

export const cases: readonly Case[] = [
  expressCase("bare-app", "Express, nothing but a route", []),
  expressCase("two-fields", "Express, a middleware that sets the two fields", bothFields, handWritten),
  expressCase("sluice", "Express, Sluice", bothFields, () => sluice(memoryStore(), tokenBucket({ rate: LIMIT }))),
  expressCase("express-rate-limit", "Express, express-rate-limit, draft 8", bothFields, () => peerWith("draft-8")),
  expressCase("express-rate-limit.draft-7", "Express, express-rate-limit, draft 7", bothFields, () =>
    peerWith("draft-7"),
  ),
];

export const ratios: readonly RatioOf[] = [
  { id: "http.express.bare", of: "http.express.sluice", against: ["http.express.bare-app"] },
  { id: "http.express.floor", of: "http.express.sluice", against: ["http.express.two-fields"] },
  { id: "http.express.floor.cpu", of: "http.express.two-fields.cpu", against: ["http.express.sluice.cpu"] },
  { id: "http.express.peer", of: "http.express.sluice", against: ["http.express.express-rate-limit"] },
  { id: "http.express.peer.draft-7", of: "http.express.sluice", against: ["http.express.express-rate-limit.draft-7"] },
];
