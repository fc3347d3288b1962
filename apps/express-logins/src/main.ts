// Express with logins: a generous limit for reads, and a strict one for passwords. Run as: node dist/main.js, with the
// port in PORT (default 3000).
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { memoryStore } from "@sluice/store-memory";
import { createApp } from "./app.js";

const { PORT = "3000" } = process.env;
const server = createServer(createApp(memoryStore()));

server.on("error", (error: NodeJS.ErrnoException) => {
  console.error(
    error.code === "EADDRINUSE"
      ? `Port ${PORT} is in use. Stop the program that uses it, or choose another port: PORT=3001 npm run demo -- logins`
      : `Can't listen on port ${PORT}: ${error.message}`,
  );
  process.exitCode = 1;
});

server.on("listening", () => {
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  console.log(`Listening on ${url}

Guess the password of an account. After five wrong guesses in a minute you get 429; ten more, and you are blocked for 10 seconds:

  guess() { curl -s -o /dev/null -w '%{http_code}\\n' --json '{"account": "ada", "password": "'$1'"}' ${url}/login; }
  for i in $(seq 7); do guess wrong; done

The right password costs nothing until the limit is reached: guess lovelace. Reads have a separate, generous limit:

  for i in $(seq 20); do curl -s -o /dev/null -w '%{http_code}  %header{ratelimit}\\n' ${url}/articles; done

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
