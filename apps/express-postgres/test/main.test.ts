import { type Demo, startPostgres } from "@sluice/servers";
import { demoStarter, statusesOf } from "@sluice/servers/demo-tests";
import { expect, it } from "vitest";

const { DATABASE_URL: _, ...inherited } = process.env;
const start = demoStarter(new URL("../dist/main.js", import.meta.url), inherited);

async function untilListening(demo: Demo): Promise<string> {
  const [, url = ""] = await demo.untilPrinted(/Listening on (\S+),[\s\S]*Ctrl-C/);
  return url;
}

it("starts a PostgreSQL, allows the burst, and stops on a signal", async () => {
  const demo = start();
  const url = await untilListening(demo);
  expect(demo.printed.out).toContain("its own PostgreSQL");
  const statuses = await statusesOf(url, 14);
  expect(statuses.slice(0, 10)).toEqual(new Array(10).fill(200));
  expect(statuses).toContain(429);
  demo.child.kill("SIGTERM");
  expect(await demo.ended).toBe(0);
  expect(demo.printed.err).toBe("");
});

it("shares limits with other processes through DATABASE_URL, and survives an outage", async () => {
  const server = await startPostgres();
  try {
    const demos = [start({ DATABASE_URL: server.url }), start({ DATABASE_URL: server.url })];
    const [one = "", other = ""] = await Promise.all(demos.map(untilListening));
    expect(await statusesOf(one, 10)).toEqual(new Array(10).fill(200));
    expect(await statusesOf(other, 4)).toContain(429);
    await server.pause();
    expect(await statusesOf(one, 1)).toEqual([503]);
    await server.resume();
    let status = 503;
    while (status === 503) [status = 0] = await statusesOf(one, 1);
    expect([200, 429]).toContain(status);
    for (const { child } of demos) child.kill("SIGTERM");
    expect(await Promise.all(demos.map(({ ended }) => ended))).toEqual([0, 0]);
    expect(demos[0]?.printed.err).toMatch(/^PostgreSQL does not answer: .*\nPostgreSQL answers again\n$/);
  } finally {
    await server.stop();
  }
});

it("prints an error when no database answers at the address", async () => {
  const demo = start({ DATABASE_URL: "postgres://127.0.0.1:1/app" });
  expect(await demo.ended).toBe(1);
  expect(demo.printed.err).toMatch(/^There is no database to use\. .*ECONNREFUSED/);
});
