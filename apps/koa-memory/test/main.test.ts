import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const started: ChildProcessByStdio<null, Readable, Readable>[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

/** Starts the demo; `printed` grows. */
function start(port: string) {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: port },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  const printed = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    printed.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    printed.err += chunk;
  });
  const ended = once(child, "close").then(([code]) => code as number);
  return { child, printed, ended };
}

async function untilListening({ child, printed, ended }: ReturnType<typeof start>): Promise<string> {
  for (;;) {
    const url = /Listening on (\S+)\n[\s\S]*Ctrl-C/.exec(printed.out)?.[1];
    if (url !== undefined) return url;
    await Promise.race([
      once(child.stdout, "data"),
      ended.then(() => Promise.reject(new Error(`it ended: ${printed.err}`))),
    ]);
  }
}

it("lets 10 of 12 requests through, says what to try, and stops when told to", async () => {
  const demo = start("0");
  const url = await untilListening(demo);
  expect(demo.printed.out).toContain(`curl -i ${url}\n`);

  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const response = await fetch(url);
    await response.text();
    statuses.push(response.status);
    expect(response.headers.get("ratelimit-policy")).toBe('"default";q=10;w=10');
  }
  expect(statuses).toEqual([...new Array(10).fill(200), 429, 429]);

  demo.child.kill("SIGTERM");
  expect(await demo.ended).toBe(0);
  expect(demo.printed.err).toBe("");
});

it("says so when the port is in use", async () => {
  const other = createServer().listen(0);
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  try {
    const demo = start(String(port));
    expect(await demo.ended).toBe(1);
    expect(demo.printed.err).toMatch(new RegExp(`^Port ${port} is in use\\. .*PORT=3001 npm run demo\n$`));
  } finally {
    other.close();
  }
});

it.each(["http", "-1", "65536", ""])("says so when PORT is %j", async (port) => {
  const demo = start(port);
  expect(await demo.ended).toBe(1);
  expect(demo.printed.err).toMatch(/^PORT is ".*": give a number/);
});
