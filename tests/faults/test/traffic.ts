import {
  createLimiter,
  type Decision,
  fixedWindow,
  type Limiter,
  type Policy,
  type SluiceError,
  type Store,
  slidingLog,
} from "@sluice/core";
import type { Proxy as NetworkProxy } from "@sluice/servers";
import { overAdmissions, type RecordedCall, recordCalls } from "@sluice/testkit";
import { expect } from "vitest";
import { stolenMs } from "./stolen-time.js";

const TIMEOUT_MS = 200;
const LATE_MS = 50;
const PER_SECOND = 200;
const TURN_MS = 10;

/** Small, so that clients use them up during a test, and without a window that ends before. */
const policies: readonly Policy[] = [
  fixedWindow({ name: "window", limit: 40, window: "1d" }),
  slidingLog({ name: "log", limit: 60, window: "1d" }),
];

interface Asked {
  /** When it was asked. */
  readonly atMs: number;
  /** How long it took, without what the machine took from this process. */
  readonly tookMs: number;
  readonly decision: Decision;
}

/** Clients of an app that keep sending requests during a fault. */
export interface Traffic {
  readonly limiter: Limiter;
  /** Resolves after this time under load. */
  during(ms: number): Promise<void>;
  /** Notes that the store has lost its state, between the call and the end of `losing`. */
  losingState<T>(losing: () => Promise<T>): Promise<T>;
  /**
   * Notes that a server died before it had replicated its last writes: each client is left with what the replica counts for it.
   * To be called when the replica has not been promoted yet. Clients whose keys are on other servers of a cluster keep theirs.
   */
  losingWrites(replica: Store): Promise<void>;
  /** Resolves to how long the store takes to decide again, for good; to be called when the fault has ended. */
  recoveryMs(): Promise<number>;
  /** Ends it, and checks what must hold in every fault. */
  stop(): Promise<Summary>;
}

export interface Summary {
  readonly asked: readonly Asked[];
  /** By where the decisions came from. */
  readonly sources: Readonly<Partial<Record<Decision["source"], number>>>;
  /** How many admissions the server had acknowledged and lost. */
  readonly lost: number;
}

export interface TrafficOptions {
  readonly prefix: string;
  /** The limiter's. Default 200 ms. */
  readonly timeoutMs?: number;
  /** How many requests there are each second. Default 200. */
  readonly perSecond?: number;
}

/** Clients that ask in turn. */
const CLIENTS = 20;

/** Starts requests to a store. */
export function startTraffic(
  store: Store,
  { prefix, timeoutMs = TIMEOUT_MS, perSecond = PER_SECOND }: TrafficOptions,
): Traffic {
  const on = { storeError() {}, storeRecovered() {} };
  const limiter = createLimiter({ store, policies, prefix, timeout: timeoutMs, on });
  const recorder = recordCalls(limiter);
  const resets: RecordedCall[] = [];
  const lost = new Set<RecordedCall>();
  const asked: Promise<Asked>[] = [];
  const answered: Asked[] = [];
  const startMs = performance.now();
  const now = (): number => performance.now() - startMs;

  async function ask(key: string): Promise<Asked> {
    const [atMs, stolenBeforeMs] = [now(), stolenMs()];
    const decision = await recorder.consume(key);
    const one = { atMs, tookMs: now() - atMs - (stolenMs() - stolenBeforeMs), decision };
    answered.push(one);
    return one;
  }

  const timer = setInterval(() => {
    // Requests that were due while this process was blocked are left out.
    asked.push(ask(`client ${asked.length % CLIENTS}`));
  }, 1_000 / perSecond);

  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  return {
    limiter,
    during: sleep,

    async losingState(losing) {
      const sentMs = Date.now();
      try {
        return await losing();
      } finally {
        const receivedMs = Date.now() + 1;
        for (let i = 0; i < CLIENTS; i++) resets.push({ kind: "reset", key: `client ${i}`, sentMs, receivedMs });
      }
    },

    async losingWrites(replica) {
      const other = createLimiter({ store: replica, policies, prefix, on: { storeError() {} } });
      for (let i = 0; i < CLIENTS; i++) {
        const key = `client ${i}`;
        const used = await usedBy(other, key).catch((error: SluiceError) => {
          if (/^MOVED /.test((error.cause as Error).message)) return Number.POSITIVE_INFINITY;
          throw error;
        });
        const admitted = recorder.calls.filter(
          (call) => call.kind === "consume" && call.key === key && call.allowed && !lost.has(call),
        );
        for (const call of admitted.slice(used)) lost.add(call);
      }
      await other.close();
    },

    async recoveryMs() {
      const [fromMs, stolenBeforeMs] = [now(), stolenMs()];
      let [goodSinceMs, seen] = [fromMs, 0];
      // A second without a failure is for good.
      while (now() - goodSinceMs < 1_000 || answered.length === seen) {
        for (const { atMs, decision } of answered.slice(seen)) {
          if (decision.error !== undefined) goodSinceMs = Math.max(goodSinceMs, atMs);
        }
        seen = answered.length;
        if (now() - fromMs > 30_000) throw new Error("the store did not decide again within 30 s");
        await sleep(TURN_MS);
      }
      return Math.max(0, goodSinceMs - fromMs - (stolenMs() - stolenBeforeMs));
    },

    async stop() {
      clearInterval(timer);
      const all = await Promise.all(asked);
      const latencies = all.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
      expect(latencies[Math.ceil(latencies.length * 0.999) - 1]).toBeLessThanOrEqual(timeoutMs + LATE_MS);
      const kept = recorder.calls.filter((call) => !lost.has(call));
      expect(overAdmissions(policies, [...kept, ...resets])).toEqual([]);
      for (const { decision } of all) {
        if (decision.error !== undefined) expect(decision).toMatchObject({ allowed: false, source: "failClosed" });
      }
      const sources: Partial<Record<Decision["source"], number>> = {};
      for (const { decision } of all) sources[decision.source] = (sources[decision.source] ?? 0) + 1;
      return { asked: all, sources, lost: lost.size };
    },
  };
}

/** The fault that a test causes in a store, and its special settings. */
export interface Fault extends TrafficOptions {
  readonly store: Store;
  /** Begins the fault. */
  begin(traffic: Traffic): unknown;
  /** How long it lasts. Default 700 ms. */
  readonly lastsMs?: number;
  /** Ends the fault. */
  end?(traffic: Traffic): unknown;
  /** How soon decisions are right again. Default 2,000 ms. */
  readonly withinMs?: number;
  /** How long the traffic continues once decisions are right again. Default 0. */
  readonly continuesMs?: number;
  /** Checks more when the traffic has ended. */
  after?(traffic: Traffic, summary: Summary): unknown;
}

/** Breaks something under load and repairs it, and checks what must hold in every fault. */
export async function underFault(fault: Fault): Promise<Summary> {
  const { begin, lastsMs = 700, end, withinMs = 2_000, continuesMs = 0, after } = fault;
  const traffic = startTraffic(fault.store, fault);
  let summary: Summary;
  try {
    await traffic.during(300);
    await begin(traffic);
    await traffic.during(lastsMs);
    await end?.(traffic);
    expect(await traffic.recoveryMs()).toBeLessThan(withinMs);
    await traffic.during(continuesMs);
  } finally {
    summary = await traffic.stop();
  }
  await after?.(traffic, summary);
  return summary;
}

/** Replies that the network cuts in the middle: nothing is charged twice. */
export function cutReplies(proxy: NetworkProxy): Pick<Fault, "begin" | "end" | "after"> {
  return {
    begin: () => proxy.cut(3),
    end: () => proxy.cut(0),
    after: async (traffic, found) => {
      expect(proxy.lost).toBeGreaterThan(1);
      await chargedOnce(traffic, found);
    },
  };
}

/** Packets that the network drops without a word, also those of new connections for a while. */
export function dropPackets(proxy: NetworkProxy): Pick<Fault, "begin" | "end" | "withinMs" | "after"> {
  return { begin: () => proxy.drop(true), end: () => proxy.drop(false), withinMs: 5_000, after: chargedOnce };
}

/** A server that is stopped and continued. */
export function stopProcess(server: { pause(): unknown; resume(): unknown }): Pick<Fault, "begin" | "end" | "after"> {
  return { begin: () => server.pause(), end: () => server.resume(), after: chargedOnce };
}

/** Returns how many decisions were made without the store. */
export function failures({ sources: { failClosed = 0 } }: Summary): number {
  return failClosed;
}

/** Returns how many admissions of a client a store counts. */
async function usedBy(limiter: Limiter, key: string): Promise<number> {
  const { policies: found, error } = await limiter.peek(key);
  if (error !== undefined) throw error;
  return 40 - (found[0]?.remaining ?? 0);
}

/** Checks that a store counts what it admitted, and each call without an answer at most once. */
export async function chargedOnce(traffic: Pick<Traffic, "limiter">, { asked }: Summary): Promise<void> {
  const byClient = new Map<string, { admitted: number; unknown: number }>();
  for (const [i, { decision }] of asked.entries()) {
    const key = `client ${i % CLIENTS}`;
    const counted = byClient.get(key) ?? { admitted: 0, unknown: 0 };
    if (decision.error !== undefined) counted.unknown++;
    else if (decision.allowed) counted.admitted++;
    byClient.set(key, counted);
  }
  for (const [key, { admitted, unknown }] of byClient) {
    const used = await usedBy(traffic.limiter, key);
    expect(used, key).toBeGreaterThanOrEqual(admitted);
    expect(used, key).toBeLessThanOrEqual(admitted + unknown);
  }
}
