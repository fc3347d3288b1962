import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { policyFrom } from "@sluice/core";
import type { Admission, Outcome, Seen, Write } from "@sluice/core/store";
import { memoryStore } from "@sluice/store-memory";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Long enough that the requests of a test overlap. */
const ROUND_TRIP_MS = 20;

const counts = memoryStore();
const states = new Map<string, { version: number; state: unknown }>();

async function answer(request: IncomingMessage): Promise<unknown> {
  const body: unknown = JSON.parse(await text(request));
  await sleep(ROUND_TRIP_MS);
  if (request.url === "/decide") return (body as Admission[]).map(decided);
  const { key, write } = body as { key: string; write?: Write };
  const found = states.get(key);
  const version = String(found?.version ?? "");
  const written = write !== undefined && write.over === version;
  if (written) states.set(key, { version: (found?.version ?? 0) + 1, state: write.state });
  return { written, nowMs: Date.now(), state: found?.state, version } satisfies Seen;
}

/** Decides an admission that arrived as JSON. */
function decided({ claims, charge }: Admission): Outcome {
  const revived = claims.map((claim) => ({ ...claim, policy: policyFrom(claim.policy) }));
  return structuredClone(counts.decide({ claims: revived, charge }));
}

let server: Server;
let worker: Miniflare;
let url: URL;

beforeAll(async () => {
  server = createServer(async (request, response) => response.end(JSON.stringify(await answer(request))));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL("../fixtures/shared-batches.ts", import.meta.url))],
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
    compatibilityDate: "2025-12-01",
    bindings: { BACKEND: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    cf: false,
  });
  url = await worker.ready;
});

afterAll(async () => {
  await worker.dispose();
  server.close();
});

async function decide(signal?: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal: signal ?? null });
  return response.ok ? ((await response.json()) as { source: string }).source : `status ${response.status}`;
}

const many = <T>(count: number, call: () => Promise<T>) => Promise.all(Array.from({ length: count }, call));

describe("overlapping requests to a worker", () => {
  it("are all decided by the store, and so are later ones", async () => {
    const first = await many(100, () => decide());
    expect(new Set(first)).toEqual(new Set(["store"]));
    expect(new Set(await many(50, () => decide()))).toEqual(new Set(["store"]));
  });

  it("are all decided if other clients leave meanwhile", async () => {
    const leaving = many(20, () => decide(AbortSignal.timeout(10)).catch(() => "left"));
    const staying = many(50, () => decide());
    expect(new Set(await staying)).toEqual(new Set(["store"]));
    expect(await leaving).toContain("left");
    expect(new Set(await many(20, () => decide()))).toEqual(new Set(["store"]));
  });

  it("update one key exactly once each", async () => {
    const updates = await many(
      20,
      async () => (await (await fetch(new URL("/update", url))).json()) as { count: number },
    );
    expect(updates.map(({ count }) => count).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });
});
