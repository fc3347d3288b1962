// Express with plans by API key, and a cost for each route. Run as: node dist/main.js, with the port in PORT (default 3000).
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { memoryStore } from "@sluice/store-memory";
import { createApp } from "./app.js";

const { PORT = "3000" } = process.env;
const server = createServer(createApp(memoryStore()));

server.on("error", (error: NodeJS.ErrnoException) => {
  console.error(
    error.code === "EADDRINUSE"
      ? `Port ${PORT} is in use. Stop the program that uses it, or choose another port: PORT=3001 npm run demo -- plans`
      : `Can't listen on port ${PORT}: ${error.message}`,
  );
  process.exitCode = 1;
});

server.on("listening", () => {
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  console.log(`Listening on ${url}

The free plan has 20 units a minute, the paid one 200. A report costs 10 units, and an item 1:

  call() { curl -s -o /dev/null -w '%{http_code}  %header{ratelimit}\\n' -H "x-api-key: $1" $2 $3; }
  call free-123 ${url}/reports -XPOST; call free-123 ${url}/reports -XPOST; call free-123 ${url}/items   # 201, 201, 429
  call paid-456 ${url}/reports -XPOST                                                                   # 201

An unknown key gets 401. After five unknown keys, every unknown key gets 429:

  for i in $(seq 7); do call guess-$i ${url}/items; done

Ctrl-C stops the server.`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}

if (/^\d{1,5}$/.test(PORT) && Number(PORT) <= 65_535) {
  server.listen(Number(PORT));
} else {
  console.error(`PORT must be a number from 0 to 65535 (0 for a free port), got ${JSON.stringify(PORT)}`);
  process.exitCode = 1;
}
