// Two Express processes that share one limit in Redis. Run as: REDIS_URL=redis://127.0.0.1:6379 node dist/main.js
// They listen on PORT (default 3000) and the port after it. Without REDIS_URL the demo starts a Redis.
import { type ChildProcess, fork } from "node:child_process";
import { startRedis } from "@sluice/servers";

const { PORT = "3000", REDIS_URL } = process.env;

if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_534) {
  fail(`PORT must be a number from 0 to 65534 (0 for free ports), got ${JSON.stringify(PORT)}`);
} else {
  const first = Number(PORT);
  await start([first, first === 0 ? 0 : first + 1]).catch((error: Error) => {
    fail(`There is no Redis to use. ${error.message}`);
  });
}

async function start(ports: readonly number[]): Promise<void> {
  const own = REDIS_URL === undefined ? await startRedis() : undefined;
  const urls: string[] = [];
  const children = ports.map((port) =>
    fork(new URL("./server.js", import.meta.url), {
      env: { ...process.env, PORT: `${port}`, REDIS_URL: own?.url ?? REDIS_URL },
    }),
  );
  let running = children.length;

  for (const child of children) {
    // Each server sends its address when it listens.
    child.once("message", (url: string) => {
      urls.push(url);
      if (urls.length === children.length) announce(urls);
    });
    child.once("exit", (code, signal) => {
      if (code !== 0 && signal === null) process.exitCode = 1;
      stop(children);
      running -= 1;
      if (running === 0) void own?.stop();
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

Each client may make 10 requests per 10 seconds, counted from its first one, to both processes together. Send 12, by turns; the last
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
