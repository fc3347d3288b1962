// Express with all protections. Run as: STORAGE=redis://127.0.0.1:6379 node dist/main.js, with the URL of any store
// (default memory:), and the port in PORT (default 3000). Several processes on one storage share all state.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { escalatingBlock, fixedWindow, SluiceError } from "@sluice/core";
import { createProtections, createRegistry } from "@sluice/protections";
import { openStore } from "@sluice/storage";
import { ADMIN_KEY, createApp } from "./app.js";

const { PORT = "3000", STORAGE = "memory:" } = process.env;

if (/^\d{1,5}$/.test(PORT) && Number(PORT) <= 65_535) {
  await start().catch((error: unknown) => {
    fail(error instanceof SluiceError ? `STORAGE: ${error.message}` : String(error));
  });
} else {
  fail(`PORT must be a number from 0 to 65535 (0 for a free port), got ${JSON.stringify(PORT)}`);
}

async function start(): Promise<void> {
  // The demo creates its own table. In production, create it when you deploy.
  const store = await openStore(STORAGE, { createSchema: true });
  const protections = createProtections({
    store,
    prefix: "demo",
    limiter: {
      policies: fixedWindow({ limit: 5, window: "10s" }),
      autoBlock: escalatingBlock({ after: 10, within: "1m", duration: "10s", maxDuration: "5m" }),
    },
    debounce: { window: "5s" },
  });
  // Only the routes that manage blocks need registration, so the registry is not part of the protections.
  const registry = createRegistry({ store, prefix: "demo" });
  await registry.register(ADMIN_KEY);
  const close = async (): Promise<void> => {
    await protections.close();
    await store.close();
  };
  const server = createServer(createApp(protections, registry));
  server.on("error", (error: NodeJS.ErrnoException) => {
    fail(`Can't listen on port ${PORT}: ${error.code === "EADDRINUSE" ? "it is in use" : error.message}`);
    void close();
  });
  server.on("listening", () => announce((server.address() as AddressInfo).port));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop(server, close));
  server.listen(Number(PORT));
}

async function stop(server: ReturnType<typeof createServer>, close: () => Promise<void>): Promise<void> {
  server.close();
  server.closeAllConnections();
  await close();
}

function announce(port: number): void {
  const url = `http://localhost:${port}`;
  console.log(`Listening on ${url}, with all state kept in ${STORAGE.split(":")[0]}.

The same order twice within 5 seconds is a duplicate, and 5 different orders are allowed per 10 seconds:

  order() { curl -s -o /dev/null -w '%{http_code}  %header{ratelimit}\\n' --json "{\\"item\\": $1}" ${url}/orders; }
  order 1; order 1                  # 201, 409
  for i in $(seq 2 7); do order $i; done   # four times 201, then 429. Keep sending orders, and you are blocked for 10 seconds, with 429 too

Block your own address, then unblock it:

  curl -X PUT -H 'x-api-key: ${ADMIN_KEY}' ${url}/blocks/127.0.0.0%2F8
  curl --ipv4 --json '{"item": 8}' ${url}/orders     # 403
  curl -X DELETE -H 'x-api-key: ${ADMIN_KEY}' ${url}/blocks/127.0.0.0%2F8

Ctrl-C stops the server.`);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
