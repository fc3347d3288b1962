import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startRedis } from "@sluice/servers";
import { expect, it } from "vitest";

const PROGRAM = fileURLToPath(new URL("./outage-process.mjs", import.meta.url));

const ORDERS = ["limiter,store,client", "store,limiter,client", "client,store,limiter"];

const cases = ["failClosed", "fallback"].flatMap((source) =>
  [true, false].flatMap((recovers) => ORDERS.map((order) => ({ source, recovers, order }))),
);

it.each(cases)(
  "an app that starts without its Redis handles every error: $source, recovers $recovers, closes $order",
  {
    timeout: 30_000,
  },
  async ({ source, recovers, order }) => {
    let server = await startRedis();
    const { port } = server;
    await server.stop();
    const child = spawn(process.execPath, [PROGRAM, String(port), source, recovers ? "yes" : "no", order]);
    let printed = "";
    child.stdout.on("data", (data) => {
      printed += data;
    });
    child.stderr.on("data", (data) => {
      printed += data;
    });
    const exited = once(child, "exit");
    try {
      while (!printed.includes("started\n")) await once(child.stdout, "data");
      if (recovers) server = await startRedis({ port });
      const [code] = await exited;
      // A store that is closed before its limiter fails for the limiter.
      const failsAgain = recovers && !order.startsWith("limiter");
      const lines = printed.trim().split("\n");
      expect({ code, others: lines.slice(1, -1) }).toEqual({ code: 0, others: [] });
      expect(JSON.parse(lines.at(-1) as string)).toEqual({
        seen: recovers ? [source, "store", "cache"] : [source],
        ended: [],
        unhandled: [],
        events: ["storeError", ...(recovers ? ["storeRecovered"] : []), ...(failsAgain ? ["storeError"] : [])],
      });
    } finally {
      child.kill();
      if (recovers) await server.stop();
    }
  },
);
