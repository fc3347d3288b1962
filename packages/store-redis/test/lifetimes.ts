import { Redis } from "ioredis";
import { expect } from "vitest";

/** Fails unless every key on the servers has a time to live. */
export async function expectLifetimes(ports: readonly number[]): Promise<void> {
  let keys = 0;
  for (const port of ports) {
    const client = new Redis(port);
    for await (const batch of client.scanStream({ count: 1_000 }) as AsyncIterable<string[]>) {
      const lifetimes = await Promise.all(batch.map((key) => client.pttl(key)));
      expect(batch.filter((_, i) => lifetimes[i] === -1)).toEqual([]);
      keys += batch.length;
    }
    client.disconnect();
  }
  expect(keys).toBeGreaterThan(0);
}
