import { type App, appFolder, fileOf, start } from "./app.js";
import { limited, printed } from "./page.js";

const next = fileOf("next", "dist/bin/next");

/** Writes an app that has the printed route at `/hello` and at `/bye`. */
export async function nextApp(): Promise<string> {
  const [route = ""] = printed("Next.js route handlers");
  return appFolder({
    "lib/limited.ts": limited,
    "app/hello/route.ts": route,
    "app/bye/route.ts": route,
    // The code is type-checked by tools/check-docs.mjs.
    "next.config.js": "export default { typescript: { ignoreBuildErrors: true } };",
  });
}

/** Runs a command of Next.js that serves the app. */
export async function startNext(command: "dev" | "start", cwd: string): Promise<App> {
  return start({ args: [next, command, "--hostname", "127.0.0.1", "--port", "0"], cwd });
}
