import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createLimiter, fixedWindow } from "@sluice/core";
import { expect, it } from "vitest";
import { type OpenSqliteClient, sqliteStore } from "../src/index.js";
import { ask, openSeveral } from "./files.js";

const CALLERS = 8;

it("killed processes lose no answered charge, and leave a usable file", async () => {
  const { file, clients } = await openSeveral(1);
  const [client] = clients as [OpenSqliteClient];
  const script = new URL("./kill-process.mjs", import.meta.url);
  const start = (): { child: ChildProcess; charged: number } => {
    const child = fork(script, ["libsql", file, String(CALLERS)], { execArgv: [] });
    const running = { child, charged: 0 };
    child.on("message", () => running.charged++);
    return running;
  };

  let answered = 0;
  const kills = 6;
  const survivor = start();
  for (let i = 0; i < kills; i++) {
    const victim = start();
    while (victim.charged < 20 + 37 * i) await once(victim.child, "message");
    victim.child.kill("SIGKILL");
    await once(victim.child, "close");
    answered += victim.charged;
    expect(ask(client, "PRAGMA integrity_check")).toBe("ok");
  }
  const before = survivor.charged;
  while (survivor.charged < before + 50) await once(survivor.child, "message");
  survivor.child.kill("SIGKILL");
  await once(survivor.child, "close");
  answered += survivor.charged;

  expect(ask(client, "PRAGMA integrity_check")).toBe("ok");
  const limiter = createLimiter({
    store: sqliteStore({ client }),
    prefix: "killed",
    policies: fixedWindow({ limit: 1_000_000, window: "1d" }),
  });
  const { remaining, source } = await limiter.consume("somebody");
  const used = 1_000_000 - remaining - 1;
  expect(source).toBe("store");
  expect(used).toBeGreaterThanOrEqual(answered);
  // These calls may have been charged and killed before they were reported.
  expect(used).toBeLessThanOrEqual(answered + (kills + 1) * CALLERS);
}, 60_000);
