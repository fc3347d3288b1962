// Builds the hook of docs/frameworks.md for Node.js. SvelteKit 3 runs on Node.js 22 and later.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { appFolder, ask, fileOf, listening, node24, start } from "./app.js";
import { expectLimit } from "./limits.js";
import { limited, printed } from "./page.js";

it("limits endpoints of SvelteKit, except prerendered ones", async () => {
  const [hooks = ""] = printed("SvelteKit");
  const cwd = await appFolder({
    "src/hooks.server.ts": hooks,
    "src/limited.ts": limited,
    "src/app.html": "%sveltekit.head%%sveltekit.body%",
    "src/routes/hello/+server.ts": 'export const GET = () => new Response("hello\\n");',
    "src/routes/about/+server.ts": 'export const prerender = true;\nexport const GET = () => new Response("about\\n");',
    "vite.config.js": `
      import adapter from "@sveltejs/adapter-node";
      import { sveltekit } from "@sveltejs/kit/vite";
      export default { plugins: [sveltekit({ adapter: adapter({ precompress: false }) })] };
    `,
  });
  await promisify(execFile)(node24, [fileOf("vite", "bin/vite.js"), "build"], { cwd });
  const app = await start({ command: node24, args: [...listening, "build"], cwd });
  const path = "/hello";
  await expectLimit(app, { path, from: "127.0.0.1" }, { path, from: "127.0.0.2" }, { burst: 5 });
  const about = await ask(app, { path: "/about" });
  expect([about.status, about.body, about.headers.ratelimit]).toEqual([200, "about\n", undefined]);
});
