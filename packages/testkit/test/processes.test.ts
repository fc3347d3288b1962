// Imports the built package, since its processes run the build.
import { absent, type StoreCapabilities, storeSuite } from "@sluice/testkit";
import { afterAll, expect, it } from "vitest";
import { collect, skipAllBut } from "./collecting-runner.js";
import { makeStore, startStateServer } from "./fixtures/shared-store.mjs";

const server = await startStateServer();
afterAll(() => server.stop());

function runProcesses(setting: string) {
  const capabilities: StoreCapabilities = {
    decides: absent("three methods are enough"),
    shared: true,
    ownClock: absent("its clock is this machine's"),
    otherProcess: { module: new URL("./fixtures/shared-store.mjs", import.meta.url), setting: () => setting },
    exportsEntries: absent("three methods are enough"),
    importsEntries: absent("three methods are enough"),
    checksHealth: absent("three methods are enough"),
    unreachable: absent("nothing can be down"),
    interruptible: absent("nothing can be down"),
    skip: skipAllBut("several processes"),
  };
  return collect((runner) => storeSuite(runner, () => makeStore(String(server.port)), capabilities));
}

it("passes a store that several processes share correctly", async () => {
  const { failed, passed } = await runProcesses(String(server.port));
  expect(failed).toEqual([]);
  expect(passed).toHaveLength(2);
});

it("finds a store whose processes overwrite each other", async () => {
  const { failed } = await runProcesses(`hasty:${server.port}`);
  expect(failed).toHaveLength(2);
});

it("reports the error of a process", async () => {
  const { failed } = await runProcesses("nowhere");
  expect(failed).toMatchObject([{ message: expect.stringMatching(/no port in nowhere/) }, {}]);
});
