// Hono on Cloudflare Workers with a limit in memory. Each isolate counts separately. If one limit must hold for all of
// them, use a store that they share. Bundle the app with esbuild, or deploy it with wrangler, which bundles it too.
import { decisionOf, fixedWindow, rateLimit } from "@sluice/hono";
import { memoryStore } from "@sluice/store-memory";
import { Hono } from "hono";
import { getConnInfo } from "hono/cloudflare-workers";

const policy = fixedWindow({ limit: 10, window: "10s" });

const app = new Hono();
app.use(rateLimit(memoryStore(), policy, { getConnInfo }));
app.get("/", (c) => c.text(`Hello. ${decisionOf(c)?.remaining} of ${policy.limit} requests left.\n`));

export default app;
