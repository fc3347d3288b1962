import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { startDynamodb, startProxy } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { chargedOnce, cutReplies, type Fault, failures, type Summary, stopProcess, underFault } from "./traffic.js";

let server: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  server = await startDynamodb();
  // The first requests to a server take longer than a decision is allowed to.
  const store = await openStore(urlOf(server.port), { createSchema: true });
  for (let i = 0; i < 50; i++) await store.atomicUpdate(`warm ${i}`, () => ({ state: 1, ttlMs: 1_000 }));
  await store.close();
});
afterAll(() => server.stop());

function urlOf(port: number): string {
  return `dynamodb://local:local@limits?${new URLSearchParams({ region: "local", endpoint: `http://127.0.0.1:${port}` })}`;
}

/** Forwards requests, and can throttle all of them as DynamoDB does. */
async function startThrottle(toPort: number) {
  const throttle = { on: false, refused: 0, port: 0 };
  const http = createServer((incoming, outgoing) => {
    if (throttle.on) {
      throttle.refused++;
      incoming.resume();
      outgoing.writeHead(400, { "content-type": "application/x-amz-json-1.0" });
      outgoing.end(
        JSON.stringify({ __type: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException" }),
      );
      return;
    }
    const { method, headers, url } = incoming;
    const onward = request({ port: toPort, host: "127.0.0.1", method, headers, path: url }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => incoming.socket.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  throttle.port = (http.address() as AddressInfo).port;
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return throttle;
}

async function broken(port: number, fault: Omit<Fault, "store" | "prefix">): Promise<Summary> {
  const store = await openStore(urlOf(port));
  onTestFinished(() => store.close());
  // DynamoDB Local takes several milliseconds for what takes DynamoDB one, so it gets fewer requests.
  return underFault({ store, prefix: `faults ${port}`, perSecond: 50, ...fault });
}

it("charges again when DynamoDB no longer throttles", async () => {
  const throttle = await startThrottle(server.port);
  const summary = await broken(throttle.port, {
    begin: () => {
      throttle.on = true;
    },
    end: () => {
      throttle.on = false;
    },
    after: chargedOnce,
  });
  expect(throttle.refused).toBeGreaterThan(0);
  expect(failures(summary)).toBeGreaterThan(0);
});

it("survives a server that is stopped and continued", async () => {
  const summary = await broken(server.port, stopProcess(server));
  expect(failures(summary)).toBeGreaterThan(0);
});

it("charges at most once if the network cuts replies in the middle", async () => {
  const proxy = await startProxy(server.port);
  onTestFinished(() => proxy.stop());
  const summary = await broken(proxy.port, cutReplies(proxy));
  expect(failures(summary)).toBeGreaterThan(0);
});

it("stops using connections that no longer carry data", async () => {
  const proxy = await startProxy(server.port);
  onTestFinished(() => proxy.stop());
  const summary = await broken(proxy.port, {
    begin: () => proxy.freeze(),
    lastsMs: 0,
    withinMs: 5_000,
    after: chargedOnce,
  });
  expect(failures(summary)).toBeGreaterThan(0);
});
