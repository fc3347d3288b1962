import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterEach, describe, expect, it } from "vitest";

let worker: Miniflare | undefined;
afterEach(() => worker?.dispose());

async function start(compatibilityDate: string): Promise<URL> {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL("../fixtures/shared-lines.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
  });
  worker = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.mjs", contents: bundled.outputFiles[0]?.text ?? "" }],
    compatibilityDate,
    cf: false,
  });
  return worker.ready;
}

async function wait(url: URL, timeout?: number, signal?: AbortSignal): Promise<string> {
  const address = timeout === undefined ? url : new URL(`?timeout=${timeout}`, url);
  return (await fetch(address, { signal: signal ?? AbortSignal.timeout(15_000) })).text();
}

const many = <T>(count: number, call: () => Promise<T>) => Promise.all(Array.from({ length: count }, call));

// With compatibility dates from 2024-10-14, code after a promise that another request resolved continues in the context
// of the request that awaited it.
describe.each(["2024-10-14", "2025-12-01"])("requests that wait in one line in a worker of %s", (compatibilityDate) => {
  it("are all served with and without a deadline, and so are later ones", async () => {
    const url = await start(compatibilityDate);
    const all = await Promise.all([many(10, () => wait(url)), many(10, () => wait(url, 10_000))]);
    expect(new Set(all.flat())).toEqual(new Set(["store"]));
    expect(await many(4, () => wait(url))).toEqual(["store", "store", "store", "store"]);
  });

  it("are all served when clients ahead of them leave", async () => {
    const url = await start(compatibilityDate);
    await many(2, () => wait(url));
    const leaving = many(6, () => wait(url, undefined, AbortSignal.timeout(30)).catch(() => "left"));
    const staying = many(6, () => wait(url, 12_000));
    expect(new Set(await staying)).toEqual(new Set(["store"]));
    expect(await leaving).toContain("left");
    expect(await many(2, () => wait(url))).toEqual(["store", "store"]);
  });
});
