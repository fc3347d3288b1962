import { fileURLToPath } from "node:url";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type DynamodbServer, startDynamodb } from "@sluice/servers";
import { createSchema } from "@sluice/store-dynamodb";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let server: DynamodbServer;
let worker: Miniflare;
let origin: URL;

beforeAll(async () => {
  server = await startDynamodb();
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint: server.url, region: "local", credentials });
  await createSchema(client, { table: "limits" });
  client.destroy();
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL("../fixtures/dynamodb-worker.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    // The SDK's modules for browsers use fetch.
    platform: "browser",
    mainFields: ["browser", "module", "main"],
    conditions: ["import"],
    external: ["node:*"],
    logLevel: "error",
  });
  worker = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.mjs", contents: bundled.outputFiles[0]?.text ?? "" }],
    compatibilityDate: "2025-12-01",
    compatibilityFlags: ["nodejs_compat"],
    bindings: { ENDPOINT: server.url },
    cf: false,
  });
  origin = await worker.ready;
});

afterAll(async () => {
  await worker.dispose();
  await server.stop();
});

interface Answer {
  readonly source: string;
  readonly remaining: number;
  readonly error: string;
}

async function ask(query: string, signal?: AbortSignal): Promise<Answer> {
  const response = await fetch(new URL(`/?${query}`, origin), { signal: signal ?? null });
  if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

const many = (count: number, call: (i: number) => Promise<Answer>) =>
  Promise.all(Array.from({ length: count }, (_, i) => call(i)));

function expectDecided(answers: readonly Answer[]): void {
  for (const { source, error } of answers) expect(source, error).toBe("store");
}

describe("requests to a worker with limits in DynamoDB", () => {
  it.each(["key=hot", "key=hot&sliding"])("are decided if 20 concurrent ones have one key: %s", async (query) => {
    for (let round = 0; round < 3; round++) expectDecided(await many(20, () => ask(query)));
    expect((await ask(query)).remaining).toBe(1_000 - 61);
  });

  it("are decided if 100 concurrent ones have different keys", async () => {
    expectDecided(await many(100, (i) => ask(`key=client-${i}`)));
    expectDecided(await many(100, (i) => ask(`key=client-${i}`)));
  });

  it("are decided if other clients leave meanwhile", async () => {
    const leaving = Array.from({ length: 20 }, () => ask("key=left", AbortSignal.timeout(3)).catch(() => "left"));
    const staying = many(20, () => ask("key=left"));
    expectDecided(await staying);
    expect(await Promise.all(leaving)).toContain("left");
    expectDecided(await many(20, () => ask("key=left")));
  });
});
