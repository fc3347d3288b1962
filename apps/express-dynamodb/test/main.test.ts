import { type Demo, startDynamodb } from "@sluice/servers";
import { demoStarter, statusesOf } from "@sluice/servers/demo-tests";
import { expect, it } from "vitest";

// A demo's environment has only those AWS variables that a test sets.
const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_"));
const quiet = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };
const start = demoStarter(new URL("../dist/main.js", import.meta.url), { ...Object.fromEntries(inherited), ...quiet });

async function untilListening(demo: Demo): Promise<string> {
  const [, url = ""] = await demo.untilPrinted(/Listening on (\S+),[\s\S]*Ctrl-C/);
  return url;
}

it("starts DynamoDB Local, allows the burst, and stops on a signal", async () => {
  const demo = start();
  const url = await untilListening(demo);
  expect(demo.printed.out).toContain("its own DynamoDB Local");
  const statuses = await statusesOf(url, 14);
  expect(statuses.slice(0, 10)).toEqual(new Array(10).fill(200));
  expect(statuses).toContain(429);
  demo.child.kill("SIGTERM");
  expect(await demo.ended).toBe(0);
  expect(demo.printed.err).toBe("");
});

it("uses the DynamoDB from the environment, and shares its limits with other processes", async () => {
  const server = await startDynamodb();
  try {
    const env = {
      AWS_ENDPOINT_URL_DYNAMODB: server.url,
      AWS_REGION: "local",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    };
    const demos = [start(env), start(env)];
    const urls = await Promise.all(demos.map(untilListening));
    expect(await statusesOf(urls[0] ?? "", 10)).toEqual(new Array(10).fill(200));
    expect(await statusesOf(urls[1] ?? "", 4)).toContain(429);
  } finally {
    await server.stop();
  }
});

it("prints why DynamoDB does not answer, and that it answers again", async () => {
  const server = await startDynamodb();
  try {
    const demo = start({
      AWS_ENDPOINT_URL_DYNAMODB: server.url,
      AWS_REGION: "local",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    });
    const url = await untilListening(demo);
    server.pause();
    expect(await statusesOf(url, 1)).toEqual([503]);
    expect(demo.printed.err).toMatch(
      /^DynamoDB does not answer; requests get 503 until it does\. \[sluice\] .*(in time|within)/,
    );
    server.resume();
    for (let i = 0; i < 100 && !demo.printed.err.includes("answers again"); i++) await statusesOf(url, 1);
    expect(demo.printed.err).toMatch(/\nDynamoDB answers again\n$/);
  } finally {
    await server.stop();
  }
});

it("prints an error when no DynamoDB answers at the address", async () => {
  const demo = start({
    AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1",
    AWS_REGION: "local",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
  expect(await demo.ended).toBe(1);
  expect(demo.printed.err).toMatch(/^There is no DynamoDB to use\. .*ECONNREFUSED/);
});
