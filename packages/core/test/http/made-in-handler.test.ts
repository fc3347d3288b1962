import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Guard } from "../../src/http/index.js";
import { mapStore } from "./map-store.js";

/** Returns a function that creates guards, in a module that has not created any yet. */
async function freshProcess(): Promise<() => Guard<object, never>> {
  vi.resetModules();
  const { createRateLimit } = await import("../../src/http/index.js");
  const port = { method: () => "GET", header: () => undefined, address: () => "192.0.2.1" };
  return () => createRateLimit<object, never>(mapStore(), undefined, {}, port);
}

let warnings: string[];

beforeEach(() => {
  warnings = [];
  vi.spyOn(console, "warn").mockImplementation((text) => warnings.push(text));
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe("middleware created for one request", () => {
  it("causes one warning after 100 in a row, even if no call stack shows it", async () => {
    const make = await freshProcess();
    for (let i = 0; i < 99; i++) make().check({});
    expect(warnings).toEqual([]);
    for (let i = 0; i < 200; i++) make().check({});
    expect(warnings).toEqual([
      expect.stringMatching(
        /MADE_IN_HANDLER: .* each of 100 requests\. See https:\S+\/docs\/errors\/MADE_IN_HANDLER\.md$/,
      ),
    ]);
  });

  it("causes a warning even after an await, and if the app also has kept middleware", async () => {
    const make = await freshProcess();
    const kept = make();
    await Promise.resolve();
    for (let i = 0; i < 100; i++) {
      kept.check({});
      await Promise.resolve();
      make().check({});
    }
    expect(warnings).toHaveLength(1);
  });

  it("does not cause a warning if it is created when the app starts", async () => {
    const make = await freshProcess();
    const guards = Array.from({ length: 300 }, make);
    await Promise.resolve();
    for (const guard of guards) guard.check({});
    expect(warnings).toEqual([]);
  });

  it("does not cause a warning if it is created late and kept", async () => {
    const make = await freshProcess();
    const tenants = Array.from({ length: 5 }, () => Array.from({ length: 99 }));
    for (const group of tenants) {
      const guards = group.map(() => {
        const guard = make();
        guard.check({});
        return guard;
      });
      await Promise.resolve();
      guards[0]?.check({});
    }
    expect(warnings).toEqual([]);
  });
});
