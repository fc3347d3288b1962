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

/** Small limits, which clients use up during a test, with windows that do not end during it. */
const policies: readonly Policy[] = [
  fixedWindow({ name: "window", limit: 40, window: "1d" }),
  slidingLog({ name: "log", limit: 60, window: "1d" }),
];

interface Asked {
  /** When the request was sent. */
  readonly atMs: number;
  /** How long it took, less the time in which other programs had the processors. */
  readonly tookMs: number;
  readonly decision: Decision;
}

/** Clients of an app that keep sending requests during a fault. */
export interface Traffic {
  readonly limiter: Limiter;
  /** Resolves after this time, during which requests continue. */
  during(ms: number): Promise<void>;
  /** Records that the store loses its state at some time during the call of `losing`. */
  losingState<T>(losing: () => Promise<T>): Promise<T>;
  /**
   * Records that a server died before it had replicated its last writes, so each client keeps only what its replica
   * counts.
   * To be called before the replica is promoted. Clients with keys on other servers of a cluster keep all of theirs.
   */
  losingWrites(replica: Store): Promise<void>;
  /**
   * Resolves to the milliseconds until the store decides without further failures. To be called when the fault has
   * ended.
   */
  recoveryMs(): Promise<number>;
  /** Ends the requests, and checks what must hold in every fault. */
  stop(): Promise<Summary>;
}

export interface Summary {
  readonly asked: readonly Asked[];
  /** The number of decisions from each source. */
  readonly sources: Readonly<Partial<Record<Decision["source"], number>>>;
  /** How many admissions the server acknowledged and then lost. */
  readonly lost: number;
}

export interface TrafficOptions {
  readonly prefix: string;
  /** The limiter's timeout. Default 200 ms. */
  readonly timeoutMs?: number;
  /** How many requests are sent per second. Default 200. */
  readonly perSecond?: number;
}

/** The number of clients, which send requests in turn. */
const CLIENTS = 20;

/** Starts to send requests to a store. */
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
    // Requests that were due while this process was blocked are skipped.
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
      // The store has recovered when it decides for a second without a failure.
      while (now() - goodSinceMs < 1_000 || answered.length === seen) {
        for (const { atMs, decision } of answered.slice(seen)) {
          if (decision.error !== undefined) goodSinceMs = Math.max(goodSinceMs, atMs);
        }
        seen = answered.length;
        if (now() - fromMs > 30_000) throw new Error("the store did not recover within 30 s");
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

/** A fault that a test causes, with the settings of the requests during it. */
export interface Fault extends TrafficOptions {
  readonly store: Store;
  /** Starts the fault. */
  begin(traffic: Traffic): unknown;
  /** How long it lasts. Default 700 ms. */
  readonly lastsMs?: number;
  /** Ends the fault. */
  end?(traffic: Traffic): unknown;
  /** How soon the store must decide again. Default 2,000 ms. */
  readonly withinMs?: number;
  /** How long requests continue after the store has recovered. Default 0. */
  readonly continuesMs?: number;
  /** Checks more after the requests have ended. */
  after?(traffic: Traffic, summary: Summary): unknown;
}

/** Causes a fault under load, ends it, and checks what must hold in every fault. */
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

/** Cuts replies in the middle, and checks that nothing is charged twice. */
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

/** Drops packets silently, including those of new connections. */
export function dropPackets(proxy: NetworkProxy): Pick<Fault, "begin" | "end" | "withinMs" | "after"> {
  return { begin: () => proxy.drop(true), end: () => proxy.drop(false), withinMs: 5_000, after: chargedOnce };
}

/** Stops a server and continues it. */
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

/** Checks that a store counts all admissions, and each unanswered call at most once. */
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
