import { type Demo, type RedisServer, startRedis } from "@sluice/servers";
import { demoStarter } from "@sluice/servers/demo-tests";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

const { REDIS_URL: _, ...inherited } = process.env;
const start = demoStarter(new URL("../dist/main.js", import.meta.url), inherited);
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function untilListening(demo: Demo): Promise<string[]> {
  const [, one = "", other = ""] = await demo.untilPrinted(/Listening on (\S+) and (\S+): [\s\S]*Ctrl-C/);
  return [one, other];
}

it("shares one limit between two processes, and survives an outage of Redis", async () => {
  const demo = start({ REDIS_URL: redis.url });
  const urls = await untilListening(demo);
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const response = await fetch(urls[i % 2] ?? "");
    await response.text();
    statuses.push(response.status);
  }
  expect(statuses).toEqual([...new Array(10).fill(200), 429, 429]);

  redis.pause();
  try {
    // Each process may repeat its own denial of this client for a second.
    const response = await vi.waitFor(async () => {
      const answer = await fetch(urls[0] ?? "");
      expect(answer.status).toBe(503);
      return answer;
    }, 5_000);
    expect(await response.json()).toMatchObject({ status: 503 });
  } finally {
    redis.resume();
  }

  demo.child.kill("SIGTERM");
  expect(await demo.ended).toBe(0);
  expect(demo.printed.err).toMatch(/^Redis does not answer at 127\.0\.0\.1:\d+: .*\n$/);
});

it("starts and stops a Redis if REDIS_URL is not set", async () => {
  const demo = start({});
  const [url = ""] = await untilListening(demo);
  expect((await fetch(url)).status).toBe(200);
  demo.child.kill("SIGTERM");
  expect(await demo.ended).toBe(0);
  expect(demo.printed.err).toBe("");
});
