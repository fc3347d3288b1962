import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { startLoad } from "../load/load.js";
import type { Case } from "../suite.js";

/** The lowest share of a core that the app must use. Below it, something else limited the rate. */
const BUSY = 0.85;

/** An app in the process of the case. The requests come from another process. The app's CPU time is a further row. */
export function appCase(id: string, name: string, fields: readonly string[], make: () => Server): Case {
  return {
    id,
    name,
    unit: "requests/s",
    also: [{ id: `${id}.cpu`, name: `${name}, CPU time`, unit: "µs/request" }],
    async start({ durationMs, quick, context }) {
      const server = make().listen(0, "127.0.0.1");
      await once(server, "listening");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      await check(url, fields);
      const load = await startLoad(context.load);
      return {
        async run() {
          const before = process.cpuUsage();
          const startMs = performance.now();
          const { requests, durationS } = await load.run(url, durationMs);
          const { user, system } = process.cpuUsage(before);
          const busy = (user + system) / 1_000 / (performance.now() - startMs);
          if (busy < BUSY && !quick) {
            console.error(
              `${id}: the app used ${Math.round(busy * 100)} % of a core, so something else limited the rate`,
            );
          }
          return [requests / durationS, (user + system) / requests];
        },
        async stop() {
          await load.stop();
          server.closeAllConnections();
          server.close();
        },
      };
    },
  };
}

/** Throws unless the app answers with these rate-limit fields and no others. */
async function check(url: string, fields: readonly string[]): Promise<void> {
  const response = await fetch(url);
  await response.text();
  const found = [...response.headers.keys()].filter((name) => name.includes("ratelimit")).sort();
  if (response.status !== 200 || found.join() !== [...fields].sort().join()) {
    throw new Error(`${url} answered ${response.status} with the fields ${found.join(", ") || "(none)"}`);
  }
}
