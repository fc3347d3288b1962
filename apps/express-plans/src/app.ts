import { clientKey, fixedWindow, type Policy, rateLimit, type Store, withoutPort } from "@sluice/express";
import express, { type Express, type Request, type RequestHandler } from "express";

type Plan = "free" | "paid";

/** Real apps keep digests of keys in a database. */
const CUSTOMERS: ReadonlyMap<string, { readonly id: string; readonly plan: Plan }> = new Map([
  ["free-123", { id: "ada", plan: "free" }],
  ["paid-456", { id: "grace", plan: "paid" }],
]);

/** Both have one name, so what a customer used stays used when the plan changes. */
const PLANS: Readonly<Record<Plan, Policy>> = {
  free: fixedWindow({ name: "plan", limit: 20, window: "1m" }),
  paid: fixedWindow({ name: "plan", limit: 200, window: "1m" }),
};

/** Units that a route takes. */
const COSTS: Readonly<Record<string, number>> = { "/items": 1, "/reports": 10 };

const customerOf = (req: Request) => CUSTOMERS.get(req.get("x-api-key") ?? "");

/** Limits customers by plan and cost. Keys that nobody has are limited by address, so that they can't be guessed. */
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
