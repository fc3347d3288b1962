import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createLimiter } from "@sluice/core";
import { startDynamodb } from "@sluice/servers";
import { expect, it } from "vitest";
import type { DynamodbStore } from "../src/index.js";

it("the README's example for DynamoDB Local works as printed", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, code = ""] = /## DynamoDB Local\n[^#]*?```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const server = await startDynamodb();
  const folder = new URL("../node_modules/.cache/readme/", import.meta.url);
  try {
    mkdirSync(folder, { recursive: true });
    const file = new URL("local.mjs", folder);
    expect(code).toContain('"http://127.0.0.1:8000"');
    writeFileSync(file, `${code.replace("http://127.0.0.1:8000", server.url)}\nexport { client, store };\n`);
    const { client, store } = (await import(/* @vite-ignore */ fileURLToPath(file))) as {
      client: { destroy(): void };
      store: DynamodbStore;
    };
    expect(await createLimiter({ store, timeout: "5s" }).consume("somebody")).toMatchObject({ source: "store" });
    client.destroy();
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await server.stop();
  }
});
