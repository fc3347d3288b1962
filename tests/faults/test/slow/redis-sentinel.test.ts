import { startRedisSentinel } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import { expect, it, onTestFinished } from "vitest";
import { underFault } from "../traffic.js";

it("follows a failover within 5 s, with no more than what the replica had not received", async () => {
  const servers = await startRedisSentinel();
  onTestFinished(() => servers.stop());
  const { sentinels, name } = servers;
  const hosts = sentinels.map(({ host, port }) => `${host}:${port}`).join(",");
  const store = await openStore(`redis-sentinel://${hosts}/${name}`);
  onTestFinished(() => store.close());
  const { sources } = await underFault({
    store,
    prefix: "faults",
    // The replica may lack the last writes, so each key may start again once.
    begin: (traffic) =>
      traffic.losingState(async () => {
        await servers.killMaster();
        // The Sentinel waits for 800 ms of silence, and then promotes the replica.
        await traffic.during(1_500);
      }),
    lastsMs: 0,
    withinMs: 5_000,
  });
  expect(sources.failClosed).toBeGreaterThan(0);
});
