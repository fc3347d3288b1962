import { demoStarter } from "@sluice/servers/demo-tests";
import { beforeEach, expect, it } from "vitest";

const start = demoStarter(new URL("../dist/main.js", import.meta.url), process.env);
let url = "";

// Each test ends its demo.
beforeEach(async () => {
  [, url = ""] = await start({ PORT: "0" }).untilPrinted(/Listening on (\S+)\n[\s\S]*Ctrl-C/);
});

async function login(account: string, password: string): Promise<number> {
  const body = JSON.stringify({ account, password });
  const response = await fetch(`${url}/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return response.status;
}

it("never limits logins with the right password", async () => {
  for (let i = 0; i < 7; i++) expect(await login("ada", "lovelace")).toBe(200);
});

it("denies the sixth wrong guess for an account, but not the first for another", async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push(await login("ada", `guess ${i}`));
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  expect(await login("ADA", "lovelace")).toBe(429);
  expect(await login("grace", "hopper")).toBe(401);
});

it("allows reads after logins were denied", async () => {
  for (let i = 0; i < 30; i++) expect((await fetch(`${url}/articles`)).status).toBe(200);
});
