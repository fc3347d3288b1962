import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Policy } from "@sluice/core";
import { expect, it } from "vitest";
import { ACCESS_KEY } from "./clients.js";
import { policiesOf } from "./policies.js";
import { serverWithTable, TABLE } from "./server.js";

const { server } = await serverWithTable();
const PROCESSES = 8;
const CALLERS = 25;

interface Task {
  readonly policies: readonly Policy[];
  readonly keys: readonly string[];
  /** The number of calls that each caller makes, for each policy. */
  readonly calls: number;
}

/** Counts by algorithm and key. */
type Report = Record<string, { asked: number; granted: number }>;

/** Runs the task in several processes, and returns the sums of their reports. */
async function contend(task: Task): Promise<Report> {
  const setting = `${server.url} ${TABLE} ${ACCESS_KEY}`;
  const children = Array.from({ length: PROCESSES }, (_, seed) =>
    fork(new URL("./contend.mjs", import.meta.url), [JSON.stringify({ ...task, setting, callers: CALLERS, seed })], {
      execArgv: [],
    }),
  );
  try {
    await Promise.all(children.map(nextMessage));
    const reports = children.map(nextMessage);
    for (const child of children) child.send("start");
    const sums: Report = {};
    for (const report of (await Promise.all(reports)) as Report[]) {
      for (const [name, { asked, granted }] of Object.entries(report)) {
        const sum = sums[name] ?? { asked: 0, granted: 0 };
        sums[name] = { asked: sum.asked + asked, granted: sum.granted + granted };
      }
    }
    return sums;
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const [message] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`a process ended with code ${code}`))),
  ]);
  if (typeof message === "object" && "failed" in message) throw new Error(message.failed);
  return message;
}

it("8 processes with 25 callers each share exactly 500 units, with each algorithm", async () => {
  const policies = Object.values(policiesOf).map((policyOf) => policyOf(500));
  const sums = await contend({ policies, keys: ["all"], calls: 4 });
  const expected = Object.keys(policiesOf).map((algorithm) => [`${algorithm} all`, { asked: 800, granted: 500 }]);
  expect(sums).toEqual(Object.fromEntries(expected));
}, 60_000);

it("8 processes with 20 random keys grant exactly the limit of each key", async () => {
  const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
  const policies = ["token-bucket", "sliding-window"].map((algorithm) =>
    (policiesOf[algorithm] as (n: number) => Policy)(15),
  );
  const sums = await contend({ policies, keys, calls: 3 });
  expect(Object.keys(sums)).toHaveLength(40);
  expect(Object.values(sums).some(({ asked }) => asked > 15)).toBe(true);
  for (const [name, { asked, granted }] of Object.entries(sums)) expect(granted, name).toBe(Math.min(15, asked));
}, 60_000);
