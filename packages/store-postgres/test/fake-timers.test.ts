import { createLimiter, fixedWindow } from "@sluice/core";
import { afterEach, expect, it, vi } from "vitest";
import { postgresStore } from "../src/index.js";
import { connectors } from "./clients.js";
import { startDatabase } from "./database.js";

const { server } = await startDatabase();
afterEach(() => void vi.useRealTimers());

/** Fakes all but `nextTick`, which Node's sockets need in any test. The package postgres writes in an immediate. */
const FAKES = ["setTimeout", "setInterval", "queueMicrotask", "Date", "performance"] as const;
const policies = fixedWindow({ limit: 1_000, window: "1h" });

it.each(Object.entries(connectors))(
  "decides during and after fake timers, even with a new store, with %s",
  async (kind, connect) => {
    const connection = connect(server.port);
    for (const isNew of [false, true]) {
      const store = postgresStore({ client: connection.client });
      const limiter = createLimiter({ store, policies, prefix: `fake ${kind} ${isNew}`, timeout: "5s" });
      if (!isNew) for (let i = 0; i < 5; i++) await limiter.consume(`client ${i}`);
      vi.useFakeTimers({ toFake: kind === "postgres" ? [...FAKES] : [...FAKES, "setImmediate"] });
      for (let round = 0; round < 3; round++) {
        const decisions = await Promise.all(Array.from({ length: 20 }, (_, i) => limiter.consume(`client ${i % 4}`)));
        for (const { source, error } of decisions) expect(source, String(error)).toBe("store");
        vi.advanceTimersByTime(3_600_000);
      }
      vi.useRealTimers();
      for (let i = 0; i < 4; i++) expect(await limiter.consume(`client ${i}`)).toMatchObject({ source: "store" });
    }
    await connection.end();
  },
);
