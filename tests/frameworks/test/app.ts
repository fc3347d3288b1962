import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { onTestFinished } from "vitest";

const require = createRequire(import.meta.url);
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Programs that npm packages install. */
export const node24: string = require.resolve("node24/bin/node");
const bun: string = require.resolve("bun/bin/bun.exe");
const deno: string = join(dirname(require.resolve("deno/package.json")), "deno");

/** Arguments of Node.js that make a program listen on a free port instead of its own. */
export const listening: readonly string[] = ["--import", here("listen-on-free-port.mjs")];

/** Returns the path of a file in an installed package. */
export function fileOf(name: string, file: string): string {
  return join(here("../node_modules"), name, file);
}

/** Writes the files of an app into a folder from which the frameworks can be imported. It is removed after the test. */
export async function appFolder(files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(here("../.cache"), { recursive: true });
  const folder = await mkdtemp(here("../.cache/app-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries({ "package.json": '{ "type": "module" }', ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

export interface Program {
  readonly command?: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface App {
  /** The app's address, such as `http://127.0.0.1:49152`. */
  readonly url: string;
  /** Returns the app's error output so far. */
  errors(): string;
}

/** The environment of every program, which switches off the telemetry of the frameworks. */
export const environment = { ...process.env, NO_COLOR: "1", NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: undefined };

/** Starts a program that prints its address when it listens. It is ended after the test. */
export async function start({ command = process.execPath, args, cwd, env }: Program): Promise<App> {
  const child = spawn(command, args, { cwd, env: { ...environment, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  let output = "";
  let errors = "";
  const url = new Promise<string>((resolve) => {
    const read = (text: string): void => {
      output += text;
      const [, port] = /http:\/\/(?:127\.0\.0\.1|localhost):(\d+)\b/.exec(output) ?? [];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", (text) => {
      errors += text;
      read(text);
    });
  });
  const failed = ended.then(([code]) => {
    throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${output}`);
  });
  failed.catch(() => {});
  return { url: await Promise.race([url, failed]), errors: () => errors };
}

/** Starts the `main.ts` of some files in Node.js, on a free port. */
export async function startNode(files: Readonly<Record<string, string>>): Promise<App> {
  const compiled = await Promise.all(
    Object.entries(files).map(async ([name, code]) => {
      const tsconfigRaw = { compilerOptions: { experimentalDecorators: true } };
      return [name.replace(/\.ts$/, ".js"), (await transform(code, { loader: "ts", tsconfigRaw })).code] as const;
    }),
  );
  const cwd = await appFolder(Object.fromEntries(compiled));
  return start({ args: [...listening, "main.js"], cwd });
}

/** Starts the `main.ts` of some files in Bun, on a free port. */
export async function startBun(files: Readonly<Record<string, string>>): Promise<App> {
  const cwd = await appFolder(files);
  return start({ command: bun, args: ["run", "--preload", here("listen-on-free-port.bun.js"), "main.ts"], cwd });
}

/** Starts the `main.ts` of some files in Deno, on a free port. */
export async function startDeno(files: Readonly<Record<string, string>>): Promise<App> {
  const cwd = await appFolder(files);
  const args = ["run", "--node-modules-dir=manual", "--allow-net=127.0.0.1", "--allow-read", "main.ts"];
  return start({ command: deno, args, cwd, env: { DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", DENO_NO_UPDATE_CHECK: "1" } });
}

export interface Asked {
  readonly path?: string;
  /** The client's own address. */
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Sends a request over a separate connection. */
export async function ask(app: App, { path = "/", from = "127.0.0.1", headers }: Asked = {}): Promise<Answer> {
  const sent = request(new URL(path, app.url), { localAddress: from, headers: { ...headers }, agent: false });
  sent.end();
  const [response] = await once(sent, "response");
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}
