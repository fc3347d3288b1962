// Two Express processes that share one limit in Redis. Run as: REDIS_URL=redis://127.0.0.1:6379 node dist/main.js
// They listen on PORT (default 3000) and the port after it.
import { type ChildProcess, fork } from "node:child_process";

const { PORT = "3000", REDIS_URL } = process.env;

if (REDIS_URL === undefined) {
  fail("REDIS_URL is not set. Say where Redis is: REDIS_URL=redis://127.0.0.1:6379 node dist/main.js");
} else if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_534) {
  fail(`PORT must be a number from 0 to 65534 (0 for free ports), got ${JSON.stringify(PORT)}`);
} else {
  const first = Number(PORT);
  start([first, first === 0 ? 0 : first + 1]);
}

function start(ports: readonly number[]): void {
  const urls: string[] = [];
  const children = ports.map((port) =>
    fork(new URL("./server.js", import.meta.url), { env: { ...process.env, PORT: `${port}` } }),
  );

  for (const child of children) {
    // A server says where it listens.
    child.once("message", (url: string) => {
      urls.push(url);
      if (urls.length === children.length) announce(urls);
    });
    child.once("exit", (code, signal) => {
      if (code !== 0 && signal === null) process.exitCode = 1;
      stop(children);
    });
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop(children));
}

function stop(children: readonly ChildProcess[]): void {
  for (const child of children) child.kill("SIGTERM");
}

function announce(urls: readonly string[]): void {
  const [one, other] = urls.toSorted();
  console.log(`Listening on ${one} and ${other}: two processes, one limit, kept in Redis.

Each client may make 10 requests per 10 seconds, counted from its first one, to both together. Try 12 by turns; the last
two get 429:

  for i in $(seq 6); do for url in ${one} ${other}; do
    curl -s -o /dev/null -w '%{http_code}  %header{ratelimit}\\n' $url
  done; done

Ctrl-C stops both.`);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
