import {
  type AutoBlockEvent,
  createLimiter,
  type Decision,
  escalatingBlock,
  fixedWindow,
  type Limiter,
} from "@sluice/core";
import { backends } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import { protectionSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as protections from "../src/index.js";
import "./quiet-aws-sdk.js";

const started = await Promise.all(
  Object.entries(backends).map(async ([name, start]) => [name, await start()] as const),
);
afterAll(() => Promise.all(started.map(([, backend]) => backend.stop())));
const opened = await Promise.all(
  started.map(async ([name, { url }]) => {
    const store = await openStore(url, { createSchema: true });
    await store.close();
    return { name, url };
  }),
);

describe.each(opened)("$name", ({ url }) => {
  protectionSuite({ describe, it, beforeAll, afterAll }, () => openStore(url), protections, {
    shared: true,
    otherProcess: { module: new URL("./process-store.mjs", import.meta.url), setting: () => url },
    exportsEntries: true,
  });
});

describe.each(opened)("automatic blocks on $name", ({ url }) => {
  it("are set once, after exactly the configured number of violations on any number of handles", async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(url)));
    const events: AutoBlockEvent[] = [];
    const limiters = stores.map((store) =>
      createLimiter({
        store,
        prefix: "auto-block",
        policies: fixedWindow({ limit: 10, window: "1h" }),
        autoBlock: escalatingBlock({ after: 20, within: "1h", duration: "1h", onBlock: (event) => events.push(event) }),
        timeout: "30s",
      }),
    );
    const ask = (count: number): Promise<Decision[]> =>
      Promise.all(Array.from({ length: count }, (_, i) => (limiters[i % 4] as Limiter).consume("ann")));
    const isBlocked = ({ policies }: Decision): boolean => policies.some(({ blocked }) => blocked);
    // 10 are allowed, and 19 are violations, one fewer than needed.
    const first = await ask(29);
    expect([first.filter(({ allowed }) => allowed).length, first.filter(isBlocked).length]).toEqual([10, 0]);
    expect(events).toEqual([]);
    const [last] = await ask(1);
    expect(isBlocked(last as Decision)).toBe(true);
    const more = await ask(12);
    expect(more.every(isBlocked)).toBe(true);
    expect(events).toEqual([{ key: "ann", level: 1, durationMs: 3_600_000 }]);
    await (limiters[0] as Limiter).reset("ann");
    expect((await ask(1))[0]?.allowed).toBe(true);
    await Promise.all(stores.map((store) => store.close()));
  }, 30_000);
});
