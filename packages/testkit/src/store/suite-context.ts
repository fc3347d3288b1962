import { randomUUID } from "node:crypto";
import type { MaybePromise, Store } from "@sluice/core";
import type { SuiteRunner } from "../runner.js";
import { type Absent, isAbsent, type MakeStore, type StoreCapabilities } from "./capabilities.js";

/** The tools of a test of the suite. */
export interface TestTools {
  /** Returns a new handle, which is closed after the test. */
  open(): Promise<Store>;
  /** Returns several handles on the same state. If handles do not share state, returns one handle several times. */
  openSeveral(count: number): Promise<Store[]>;
  /** A prefix of keys that no other test or run uses. */
  readonly prefix: string;
}

/** The functions with which the groups define their tests. */
export interface SuiteContext<Capabilities = StoreCapabilities> {
  readonly capabilities: Capabilities;
  /** Defines a test. */
  test(name: string, body: (tools: TestTools) => Promise<void>, timeoutMs?: number): void;
  /** Defines a test that needs a capability, or reports why it does not run. */
  testWith<C>(
    capability: C | Absent,
    name: string,
    body: (tools: TestTools, capability: C) => Promise<void>,
    timeoutMs?: number,
  ): void;
}

/** A timeout long enough for a slow machine, after which a test that hangs is ended. */
const TIMEOUT_MS = 60_000;

export function createContext<Capabilities extends Pick<StoreCapabilities, "shared">>(
  { it }: SuiteRunner,
  makeStore: MakeStore,
  capabilities: Capabilities,
): SuiteContext<Capabilities> {
  function test(name: string, body: (tools: TestTools) => Promise<void>, timeoutMs = TIMEOUT_MS): void {
    it(name, () => withTools(makeStore, capabilities, body), timeoutMs);
  }

  return {
    capabilities,
    test,
    testWith(capability, name, body, timeoutMs) {
      if (isAbsent(capability)) it.skip(`${name} (skipped: ${capability.absent})`, () => {});
      else test(name, (tools) => body(tools, capability), timeoutMs);
    },
  };
}

async function withTools(
  makeStore: () => MaybePromise<Store>,
  { shared }: Pick<StoreCapabilities, "shared">,
  body: (tools: TestTools) => Promise<void>,
): Promise<void> {
  const opened: Store[] = [];
  async function open(): Promise<Store> {
    const store = await makeStore();
    opened.push(store);
    return store;
  }
  async function openSeveral(count: number): Promise<Store[]> {
    if (shared === true) return Promise.all(Array.from({ length: count }, open));
    return new Array<Store>(count).fill(await open());
  }
  try {
    await body({ open, openSeveral, prefix: `testkit-${randomUUID()}` });
  } finally {
    await Promise.all(opened.map((store) => store.close()));
  }
}
