import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, it } from "vitest";

let worker: Miniflare;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../dist/main.js", import.meta.url))],
    bundle: true,
    format: "esm",
    write: false,
  });
  worker = new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2025-01-01",
    // Stops Miniflare from fetching an example of `request.cf`.
    cf: false,
  });
  await worker.ready;
});

afterAll(() => worker.dispose());

it("allows 10 of 12 requests of one client, and the first request of another", async () => {
  const answers: unknown[] = [];
  for (let i = 0; i < 12; i++) {
    const response = await worker.dispatchFetch("http://localhost/", { headers: { "cf-connecting-ip": "192.0.2.1" } });
    await response.text();
    answers.push(response.status);
    expect(response.headers.get("ratelimit-policy")).toBe('"default";q=10;w=10');
  }
  expect(answers).toEqual([...new Array(10).fill(200), 429, 429]);
  const other = await worker.dispatchFetch("http://localhost/", { headers: { "cf-connecting-ip": "192.0.2.2" } });
  expect([other.status, await other.text()]).toEqual([200, "Hello. 9 of 10 requests left.\n"]);
});
