// Express with a burst and a daily limit in PostgreSQL. Run as: DATABASE_URL=postgres://localhost/app node
// dist/main.js, with the port in PORT (default 3000). Several processes share their limits. Without DATABASE_URL the
// demo starts a PostgreSQL.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { decisionOf, rateLimit, slidingWindow, tokenBucket } from "@sluice/express";
import { postgresStore } from "@sluice/store-postgres";
import express from "express";
import { type Database, openDatabase } from "./database.js";

const TABLE = "sluice_demo";
const { PORT = "3000" } = process.env;

if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535) {
  fail(`PORT must be a number from 0 to 65535 (0 for a free port), got ${JSON.stringify(PORT)}`);
} else {
  await openDatabase(TABLE).then(serve, (error) => fail(`There is no database to use. ${messageOf(error)}`));
}

function serve({ pool, where, stop }: Database): void {
  const store = postgresStore({ client: pool, table: TABLE, sweepEvery: "1m" });
  const app = express();
  app.use(
    rateLimit(
      store,
      [
        tokenBucket({ name: "burst", rate: 1, interval: "2s", burst: 10 }),
        slidingWindow({ name: "daily", limit: 1_000, window: "1d" }),
      ],
      {
        prefix: "sluice-demo",
        on: {
          storeError: () => console.error("PostgreSQL does not answer: requests get 503 until it does"),
          storeRecovered: () => console.error("PostgreSQL answers again"),
        },
      },
    ),
  );
  app.get("/", (req, res) => {
    res.type("text").send(`Hello. ${decisionOf(req)?.remaining} requests left.\n`);
  });

  const server = createServer(app);
  server.on("listening", () => {
    const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
    console.log(`Listening on ${url}, with limits in the table ${TABLE} of ${where}

Each client may make 10 requests at once, then one every 2 seconds, and 1000 a day. Send 12 in a row; the last two get 429:

  for i in $(seq 12); do curl -s -o /dev/null -w '%{http_code}  %header{ratelimit}\\n' ${url}; done

Ctrl-C stops the server.`);
  });
  server.on("error", (error: NodeJS.ErrnoException) => {
    fail(
      error.code === "EADDRINUSE"
        ? `Port ${PORT} is in use. Stop the program that uses it, or choose another port with PORT`
        : `Can't listen on port ${PORT}: ${error.message}`,
    );
    void end();
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
      void end();
    });
  }
  server.listen(Number(PORT));

  async function end(): Promise<void> {
    await store.close();
    await stop();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
