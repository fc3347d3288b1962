import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { Miniflare } from "miniflare";
import { afterEach, describe, expect, it } from "vitest";
import { bundle } from "./bundle.js";

const { resolve } = createRequire(import.meta.url);
const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** Starts a runtime, and resolves to the address of its server when it has said its port. */
async function started(command: string, args: readonly string[]): Promise<string> {
  const child: ChildProcess = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  closing.push(() => child.kill("SIGKILL"));
  if (child.stdout === null) throw new Error("no output");
  for await (const line of createInterface(child.stdout)) {
    const port = /^port (\d+)$/.exec(line)?.[1];
    if (port !== undefined) return `http://127.0.0.1:${port}`;
  }
  throw new Error(`${command} ended`);
}

const bin = (name: string, file: string): string => join(dirname(resolve(`${name}/package.json`)), file);

const runtimes: Readonly<Record<string, () => Promise<string>>> = {
  "Node.js": async () => started(process.execPath, [await bundle("node", ["hono", "hono/*", "@hono/*"])]),
  Bun: async () => started(bin("bun", "bin/bun.exe"), ["run", await bundle("bun")]),
  Deno: async () => started(bin("deno", "deno"), ["run", "--no-config", "--allow-net=127.0.0.1", await bundle("deno")]),
  workerd: async () => {
    const script = await readFile(await bundle("worker"), "utf8");
    const worker = new Miniflare({ modules: true, script, compatibilityDate: "2025-01-01", cf: false });
    closing.push(() => worker.dispose());
    return String(await worker.ready).replace(/\/$/, "");
  },
};

const policy = (name: string) => `"${name}";q=2;w=3600`;
const problem = (name: string) => {
  return JSON.stringify({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    "violated-policies": [name],
    retryAfter: 3600,
  });
};

/** Three requests to each path: two get through, and one does not. */
const paths: readonly (readonly [path: string, status: number, name: string, bodies: readonly [string, string]])[] = [
  ["/address", 200, "address", ["1 left", "0 left"]],
  ["/raw", 200, "raw", ["raw", "raw"]],
  ["/stream", 200, "stream", ["part", "part"]],
  ["/throw", 500, "throw", ["route", "route"]],
];

const told = [
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "cache-control",
  "x-ratelimit-limit",
  "x-ratelimit-reset",
];

describe.each(Object.keys(runtimes))("%s", (name) => {
  it("answers as every other runtime does", async () => {
    const url = await (runtimes[name] as () => Promise<string>)();
    const ask = async (path: string): Promise<unknown> => {
      // Only workerd's getConnInfo looks at this field, which Cloudflare sets.
      const response = await fetch(url + path, { headers: { "cf-connecting-ip": "192.0.2.1" } });
      const fields = told.flatMap((field) => {
        const value = response.headers.get(field);
        return value === null ? [] : [[field, value]];
      });
      return [response.status, Object.fromEntries(fields), await response.text()];
    };
    const legacy = { "x-ratelimit-limit": "2", "x-ratelimit-reset": "1700003600" };
    for (const [path, status, policyName, bodies] of paths) {
      const more = path === "/raw" ? legacy : {};
      for (const [left, body] of [
        [1, bodies[0]],
        [0, bodies[1]],
      ] as const) {
        const fields = {
          ratelimit: `"${policyName}";r=${left};t=3600`,
          "ratelimit-policy": policy(policyName),
          ...more,
        };
        expect(await ask(path)).toEqual([status, fields, body]);
      }
      const fields = {
        ratelimit: `"${policyName}";r=0;t=3600`,
        "ratelimit-policy": policy(policyName),
        "retry-after": "3600",
        "cache-control": "no-store",
        ...more,
      };
      expect(await ask(path)).toEqual([429, fields, problem(policyName)]);
    }
    const both = {
      ratelimit: '"outer";r=1;t=3600, "inner";r=1;t=3600',
      "ratelimit-policy": `${policy("outer")}, ${policy("inner")}`,
    };
    expect(await ask("/twice")).toEqual([200, both, "twice"]);
    // What is given back comes after the response.
    for (let i = 0; i < 5; i++) {
      const failed = [500, { ratelimit: '"refund";r=1;t=3600', "ratelimit-policy": policy("refund") }, "failed"];
      expect(await ask("/refund")).toEqual(failed);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    // Clients that leave get nothing back: of many, two reach the route, and then it is closed.
    for (let i = 0; i < 4; i++) {
      const left = fetch(`${url}/leave`, {
        signal: AbortSignal.timeout(100),
        headers: { "cf-connecting-ip": "192.0.2.1" },
      });
      await left.then((response) => response.text()).catch(() => {});
    }
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(((await ask("/leave")) as unknown[])[0]).toBe(429);
  }, 60_000);
});
