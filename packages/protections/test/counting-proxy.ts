import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterAll } from "vitest";

/** A TCP connection in between, which counts how often somebody waited for an answer. */
export interface CountingProxy {
  readonly port: number;
  /** Round trips since the last call: times that something was sent after an answer had come. */
  roundTrips(): number;
}

/** How long an answer takes: what is sent in this time does not wait for it. */
const DELAY_MS = 15;

/** Starts the proxy, which ends with the test file. */
export async function startCountingProxy(toPort: number): Promise<CountingProxy> {
  let trips = 0;
  let waiting = 0;
  const server = createServer((near) => {
    const far = connect(toPort, "127.0.0.1");
    near.setNoDelay(true);
    for (const socket of [near, far]) socket.on("error", () => {});
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    near.on("data", (data) => {
      if (waiting === 0) trips++;
      waiting++;
      setTimeout(() => far.write(data), DELAY_MS);
    });
    far.on("data", (data) => {
      waiting = 0;
      near.write(data);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(() => void server.close());
  return {
    port: (server.address() as AddressInfo).port,
    roundTrips() {
      const counted = trips;
      trips = 0;
      return counted;
    },
  };
}
