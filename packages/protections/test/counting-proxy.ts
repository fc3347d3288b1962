import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterAll } from "vitest";

/** A TCP proxy that counts round trips. */
export interface CountingProxy {
  readonly port: number;
  /** The number of round trips since the last call. One starts whenever data is sent after an answer. */
  roundTrips(): number;
}

/** The delay of each answer. Data sent in this time does not wait for the answer. */
const DELAY_MS = 15;

/** Starts the proxy. It ends with the test file. */
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
