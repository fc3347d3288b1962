import { demoStarter } from "@sluice/servers/demo-tests";
import { beforeEach, expect, it } from "vitest";

const start = demoStarter(new URL("../dist/main.js", import.meta.url), process.env);
let url = "";

// Each test ends its demo.
beforeEach(async () => {
  [, url = ""] = await start({ PORT: "0" }).untilPrinted(/Listening on (\S+)\n[\s\S]*Ctrl-C/);
});

const call = async (key: string, path: string, method = "GET"): Promise<number> =>
  (await fetch(`${url}${path}`, { method, headers: { "x-api-key": key } })).status;

it("charges the cost of the route, within the plan of the customer", async () => {
  expect(await call("free-123", "/reports", "POST")).toBe(201);
  expect(await call("free-123", "/reports", "POST")).toBe(201);
  expect(await call("free-123", "/items")).toBe(429);
  for (let i = 0; i < 10; i++) expect(await call("paid-456", "/reports", "POST")).toBe(201);
  expect(await call("paid-456", "/items")).toBe(200);
});

it("limits unknown keys by address, without limiting customers at that address", async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push(await call(`guess-${i}`, "/items"));
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  expect(await call("paid-456", "/items")).toBe(200);
});
