import { decisionOf } from "@sluice/express";
import { protect, requireRegistered } from "@sluice/express/protections";
import type { Protections, Registry } from "@sluice/protections";
import express, { type Express } from "express";

/** The client that may read, add and remove blocks. */
export const ADMIN_KEY = "demo-admin";

/** A shop: orders are protected, and only registered clients may manage blocks. */
export function createApp(protections: Protections, registry: Registry): Express {
  const { blocklist } = protections;
  const app = express();

  app.post("/orders", express.json(), protect(protections), (req, res) => {
    res.status(201).json({ ordered: req.body, left: decisionOf(req)?.remaining });
  });

  app.use("/blocks", requireRegistered(registry, { id: (req) => req.get("x-api-key") }));
  app.get("/blocks/:key", async (req, res) => {
    res.json((await blocklist.findBlock(req.params.key)) ?? null);
  });
  app.put("/blocks/:key", async (req, res) => {
    res.json(await blocklist.block(req.params.key, { for: "1h", reason: "by hand" }));
  });
  app.delete("/blocks/:key", async (req, res) => {
    await blocklist.unblock(req.params.key);
    res.status(204).end();
  });
  return app;
}
