// Hono on Node.js with a limit in memory. Run as: node dist/main.js, with the port in PORT (default 3000).
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { decisionOf, fixedWindow, rateLimit } from "@sluice/hono";
import { memoryStore } from "@sluice/store-memory";
import { Hono } from "hono";

const { PORT = "3000" } = process.env;
const policy = fixedWindow({ limit: 10, window: "10s" });

const app = new Hono();
app.use(rateLimit(memoryStore(), policy, { getConnInfo }));
app.get("/", (c) => c.text(`Hello. ${decisionOf(c)?.remaining} of ${policy.limit} requests left.\n`));

const server = createAdaptorServer({ fetch: app.fetch });

server.on("error", (error: NodeJS.ErrnoException) => {
  console.error(
    error.code === "EADDRINUSE"
      ? `Port ${PORT} is in use. Stop the program that uses it, or choose another port: PORT=3001 npm run demo -- hono`
      : `Can't listen on port ${PORT}: ${error.message}`,
  );
  process.exitCode = 1;
});

server.on("listening", () => {
  const { port } = server.address() as AddressInfo;
  const url = `http://localhost:${port}/`;
  console.log(`Listening on ${url}

Each client may make 10 requests per 10 seconds, counted from its first one. Send 12 in a row; the last two get 429:

  for i in $(seq 12); do curl -s -o /dev/null -w '%{http_code}  %header{ratelimit}\\n' ${url}; done

Then look at a whole response before the window ends:

  curl -i ${url}

Ctrl-C stops the server.`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}

if (/^\d{1,5}$/.test(PORT) && Number(PORT) <= 65_535) {
  server.listen(Number(PORT));
} else {
  console.error(`PORT must be a number from 0 to 65535 (0 for a free port), got ${JSON.stringify(PORT)}`);
  process.exitCode = 1;
}
