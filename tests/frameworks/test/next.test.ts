// Runs the route handler of docs/frameworks.md in the development server, since a build takes three times as long.
import { expect, it } from "vitest";
import { ask } from "./app.js";
import { expectLimit } from "./limits.js";
import { nextApp, startNext } from "./nextjs.js";

it("limits route handlers of Next.js by one shared limit", async () => {
  const app = await startNext("dev", await nextApp());
  const client = { headers: { "x-real-ip": "192.0.2.1" } };
  const other = { headers: { "x-real-ip": "192.0.2.2" } };
  // The first request to a route waits until it is compiled, which may take longer than a window on a busy machine.
  await ask(app, { path: "/bye", headers: { "x-real-ip": "192.0.2.3" } });
  await expectLimit(app, { path: "/hello", ...client }, { path: "/hello", ...other }, { burst: 5 });
  expect((await ask(app, { path: "/bye", ...client })).status).toBe(429);

  expect((await ask(app, { path: "/hello" })).status, "without an address").toBe(500);
  await expect.poll(() => app.errors()).toContain("CLIENT_ADDRESS_UNUSABLE");
});
