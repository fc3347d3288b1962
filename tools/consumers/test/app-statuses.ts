import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

/** An app that listens on a port. */
export interface App {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly port: number;
  /** The expected error output. Default: none. */
  readonly prints?: RegExp;
}

/** Runs an app, and returns the statuses of six requests to it. Rejects if it prints an error. */
export function appStatuses(app: App): Promise<number[]> {
  return whileRunning(app, async (first, get) => {
    const statuses = [first];
    for (let i = 0; i < 5; i++) statuses.push(await get());
    return statuses;
  });
}

/**
 * Runs an app while it is used. Rejects if it prints an error.
 *
 * @param use receives the status of the first request that was answered, and a function that sends another one
 */
export async function whileRunning<T>(
  { command, args, cwd, env, port, prints = /^$/ }: App,
  use: (first: number, get: () => Promise<number>) => Promise<T>,
): Promise<T> {
  // In a separate process group, so that the program that npx starts is killed too.
  const stdio = ["ignore", "ignore", "pipe"] as const;
  const app = spawn(command, args, { cwd, env: { ...env, NO_COLOR: "1" }, stdio: [...stdio], detached: true });
  const ended = once(app, "close");
  ended.catch(() => {});
  let errors = "";
  app.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const get = async () => (await fetch(`http://localhost:${port}/`)).status;
  let result: T;
  try {
    const isEnded = () => app.exitCode !== null;
    const first = await firstStatus(get, isEnded, () => errors);
    result = await use(first, get);
  } finally {
    if (app.pid !== undefined && app.exitCode === null) process.kill(-app.pid);
    await ended;
  }
  const wrong = errors.replace(prints, "");
  if (wrong !== "") throw new Error(`the app printed an error: ${wrong}`);
  return result;
}

/** Resolves to the status of the first request that the app answers. */
async function firstStatus(get: () => Promise<number>, ended: () => boolean, errors: () => string): Promise<number> {
  for (let tries = 0; tries < 500 && !ended(); tries++) {
    try {
      return await get();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`the app does not answer: ${errors()}`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
