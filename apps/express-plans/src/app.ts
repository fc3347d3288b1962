import { clientKey, fixedWindow, type Policy, rateLimit, type Store, withoutPort } from "@sluice/express";
import express, { type Express, type Request, type RequestHandler } from "express";

type Plan = "free" | "paid";

/** Real apps store digests of keys in a database. */
const CUSTOMERS: ReadonlyMap<string, { readonly id: string; readonly plan: Plan }> = new Map([
  ["free-123", { id: "ada", plan: "free" }],
  ["paid-456", { id: "grace", plan: "paid" }],
]);

/** Both policies have the same name, so the usage of a customer is kept when the plan changes. */
const PLANS: Readonly<Record<Plan, Policy>> = {
  free: fixedWindow({ name: "plan", limit: 20, window: "1m" }),
  paid: fixedWindow({ name: "plan", limit: 200, window: "1m" }),
};

/** The cost of each route, in units. */
const COSTS: Readonly<Record<string, number>> = { "/items": 1, "/reports": 10 };

const customerOf = (req: Request) => CUSTOMERS.get(req.get("x-api-key") ?? "");

/**
 * Limits customers by plan and cost. Requests with an unknown key are limited by address, so that nobody can guess
 * keys.
 */
export function createApp(store: Store): Express {
  const guesses = rateLimit(store, fixedWindow({ name: "guesses", limit: 5, window: "1m" }), {
    skip: (req) => customerOf(req) !== undefined,
    key: (req) => clientKey(withoutPort(req.ip)),
  });
  const authenticate: RequestHandler = (req, res, next) => {
    if (customerOf(req) !== undefined) return next();
    res.status(401).json({ error: "unknown API key" });
  };
  const limit = rateLimit(store, (req) => PLANS[customerOf(req)?.plan ?? "free"], {
    key: (req) => `customer:${customerOf(req)?.id}`,
    cost: (req) => COSTS[req.path] ?? 1,
    unit: "units",
  });

  const app = express();
  app.use(guesses, authenticate, limit);
  app.get("/items", (_req, res) => {
    res.json(["a gate", "a channel"]);
  });
  app.post("/reports", (_req, res) => {
    res.status(201).json({ pages: 400 });
  });
  return app;
}
