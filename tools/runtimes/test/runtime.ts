import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { Miniflare } from "miniflare";
import { bundle, type Content } from "./bundle.js";

/** A runtime that serves a fixture. */
export interface Running {
  /** The address, such as `http://127.0.0.1:49152`. */
  readonly url: string;
  /** Returns its error output so far: warnings, unhandled rejections and crashes. */
  complaints(): string;
  stop(): Promise<void>;
}

/** A runtime that the adapters support. */
export interface Runtime {
  readonly name: string;
  readonly adapters: readonly string[];
  start(content: Content): Promise<Running>;
}

/** Returns Node.js in a version from npm. Without one, returns the version that runs the tests. */
export function node(version?: "node22" | "node24" | "node26"): Runtime {
  const program = version === undefined ? process.execPath : bin(version, "bin/node");
  const number = version?.slice("node".length) ?? process.versions.node.split(".")[0];
  return {
    name: `Node.js ${number}`,
    adapters: ["Express 5", "Express 4", "Koa 3", "Koa 2", "Hono"],
    start: async (content) => inProcess(program, [await bundle("node", content, `node${number}`)]),
  };
}

export const bun: Runtime = {
  name: "Bun",
  adapters: ["Hono"],
  start: async (content) => inProcess(bin("bun", "bin/bun.exe"), ["run", await bundle("bun", content, "bun")]),
};

/** @param flag an option of Deno */
export function deno(flag?: "--unstable-no-legacy-abort"): Runtime {
  return {
    name: flag === undefined ? "Deno" : `Deno ${flag}`,
    adapters: ["Hono"],
    async start(content) {
      const file = await bundle("deno", content, `deno${flag ?? ""}`);
      const running = await inProcess(bin("deno", "deno"), [
        "run",
        "--no-config",
        "--allow-net",
        ...(flag === undefined ? [] : [flag]),
        file,
      ]);
      // Deno prints this warning, which docs/http.md describes.
      const known = /^Deno\.serve: request\.signal aborts on successful responses.*\n/m;
      return { ...running, complaints: () => running.complaints().replace(known, "") };
    },
  };
}

export const workerd: Runtime = {
  name: "workerd",
  adapters: ["Hono"],
  async start(content) {
    const complaints: string[] = [];
    const worker = new Miniflare({
      // Must be a single module, since Miniflare would try to resolve the dynamic imports of `openStore`.
      modules: [
        {
          type: "ESModule",
          path: "worker.mjs",
          contents: await readFile(await bundle("workerd", content, "workerd"), "utf8"),
        },
      ],
      compatibilityDate: "2025-12-01",
      // Only the suite needs this, for `node:assert`. The other content shows that limits run without it.
      compatibilityFlags: content === "suites" ? ["nodejs_compat"] : [],
      cf: false,
      ...(content === "wire" && { host: "::" }),
      handleRuntimeStdio: (_stdout, stderr) => collect(stderr, complaints),
    });
    const { port } = await worker.ready;
    return {
      url: `http://127.0.0.1:${port}`,
      // workerd reports each write to a client that has left.
      complaints: () =>
        withoutOutages(complaints.join("")).replaceAll(/^.*disconnected: ::write.*\n(stack: .*\n)?/gm, ""),
      stop: () => worker.dispose(),
    };
  },
};

/** Starts a program that prints `port` and its number when it listens, and that ends when its input ends. */
async function inProcess(command: string, args: readonly string[]): Promise<Running> {
  const env = { ...process.env, NODE_ENV: "test", NO_COLOR: "1" };
  const child: ChildProcess = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  const { stdout, stderr } = child as ChildProcess & { stdout: Readable; stderr: Readable };
  const complaints: string[] = [];
  collect(stderr, complaints);
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`${command} ended with ${code ?? signal}: ${complaints.join("")}`);
  });
  ended.catch(() => {});
  const port = await Promise.race([portFrom(stdout), ended]);
  return {
    url: `http://127.0.0.1:${port}`,
    complaints: () => withoutOutages(complaints.join("")),
    async stop() {
      child.kill("SIGKILL");
      await ended.catch(() => {});
    },
  };
}

/** Removes the limiter's messages about failing stores, which the suites cause without a listener. */
function withoutOutages(text: string): string {
  return text.replaceAll(/^.*\[sluice\] the store (?:failed, and|answers again) .*\n?/gm, "");
}

function collect(stream: Readable, into: string[]): void {
  stream.setEncoding("utf8").on("data", (text: string) => into.push(text));
}

async function portFrom(stdout: Readable): Promise<number> {
  let text = "";
  for await (const part of stdout.setEncoding("utf8")) {
    text += part;
    const port = /^port (\d+)$/m.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`no port: ${text}`);
}

function bin(name: string, file: string): string {
  const { resolve } = createRequire(import.meta.url);
  return join(dirname(resolve(`${name}/package.json`)), file);
}
