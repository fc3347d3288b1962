import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { root } from "../lib/process.mjs";

/** Returns the modules of core in a bundle. */
async function modulesIn(contents: string): Promise<string[]> {
  const { metafile } = await build({
    stdin: { contents, resolveDir: join(root, "tools") },
    bundle: true,
    format: "esm",
    metafile: true,
    write: false,
    external: ["hono", "hono/*"],
    logLevel: "error",
  });
  const [output] = Object.values(metafile.outputs);
  return Object.entries(output?.inputs ?? {})
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => /core\/dist\/(.*)\.js$/.exec(file)?.[1])
    .filter((name) => name !== undefined);
}

const worker = (names: string) => `
  export { rateLimit, ${names} } from "@sluice/hono";
  export { memoryStore } from "@sluice/store-memory";
`;

describe("a worker's bundle", () => {
  it("has only the algorithms of its policies, and no code for asynchronous stores or proxies", async () => {
    const modules = await modulesIn(worker("tokenBucket"));
    expect(modules).toContain("algorithm/token-bucket");
    expect(modules).toContain("limiter/decider");
    const superfluous = [
      "algorithm/fixed-window",
      "algorithm/sliding-window",
      "algorithm/sliding-log",
      "algorithm/policy-from",
      "store/ask",
      "store/breaker",
      "store/deadlines",
      "store/failure-policy",
      "store/in-order",
      "store/updating-engine",
      "http/address/trust-proxy",
      "http/pipeline",
      "limiter/limiter",
    ];
    expect(modules.filter((name) => superfluous.includes(name))).toEqual([]);
  });

  it("has that code if the app uses it", async () => {
    const modules = await modulesIn(worker("behindProxies, policyFrom, slidingLog"));
    for (const name of ["algorithm/fixed-window", "algorithm/sliding-log", "http/address/trust-proxy"]) {
      expect(modules).toContain(name);
    }
  });
});
