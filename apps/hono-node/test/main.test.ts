import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type Demo, startDemo } from "@sluice/servers";
import { afterEach, expect, it } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const started: Demo[] = [];

afterEach(() => {
  for (const { child } of started.splice(0)) child.kill("SIGKILL");
});

function start(port: string): Demo {
  const demo = startDemo(main, { ...process.env, PORT: port });
  started.push(demo);
  return demo;
}

async function untilListening(demo: Demo): Promise<string> {
  const [, url = ""] = await demo.untilPrinted(/Listening on (\S+)\n[\s\S]*Ctrl-C/);
  return url;
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
