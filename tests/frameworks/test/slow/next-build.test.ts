import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { ask, environment, fileOf } from "../app.js";
import { expectLimit } from "../limits.js";
import { nextApp, startNext } from "../nextjs.js";

// The build takes 10 s on two idle cores.
it("limits route handlers of a built Next.js app by one shared limit", { timeout: 180_000 }, async () => {
  const cwd = await nextApp();
  await promisify(execFile)(process.execPath, [fileOf("next", "dist/bin/next"), "build"], { cwd, env: environment });
  const app = await startNext("start", cwd);
  const client = { headers: { "x-real-ip": "192.0.2.1" } };
  const other = { headers: { "x-real-ip": "192.0.2.2" } };
  await expectLimit(app, { path: "/hello", ...client }, { path: "/hello", ...other }, { burst: 5 });
  expect((await ask(app, { path: "/bye", ...client })).status).toBe(429);
});
