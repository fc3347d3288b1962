import {
  builtInAlgorithms,
  type CallOptions,
  type Claim,
  type ClaimFinding,
  type ExportEntries,
  type ExportedEntry,
  type Finding,
  invalidOption,
  type Next,
  rejectUnknown,
  SluiceError,
  type SynchronousStore,
  splitEntryKey,
  withBlock,
} from "@sluice/core";
import { BLOCKED_UNTIL_MS, createSlots, EXPIRES_AT_MS, STRIDE } from "./slots.js";
import { createTable, keepUntil, type StateTable } from "./table.js";

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * The most entries held, one for each policy of each key: a whole number from 1 to 2^24. When it is reached the store
   * forgets what has recovered, then what is closest to it, and exhausted and blocked keys last. Default 1,000,000.
   */
  maxKeys?: number;
}

/** A store in this process's memory. */
export interface MemoryStore extends SynchronousStore, ExportEntries {
  /** How many entries are held, including some that have expired and whose turn to go has not come. */
  readonly size: number;
}

/** Keys of one `Map` in V8. */
const MOST_KEYS = 2 ** 24;

/** With an explicit `nowMs`, entries are kept so much longer, by this process's clock. */
const TEST_GRACE_MS = 3_600_000;

/**
 * A store in this process's memory: every decision is synchronous. State is not shared with other processes and ends
 * with this one.
 *
 * It starts no timer. Expired entries go a little at a time with the calls that come, so there are no pauses.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const limiter = createLimiter({ store: memoryStore({ maxKeys: 100_000 }) });
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const slots = createSlots(checkOptions(options));
  const tables = new Map<string, StateTable>();
  // Used again for each decision: see SynchronousStore.
  const outcome: { allowed: boolean; nowMs: number; findings: WritableFinding[] } = {
    allowed: false,
    nowMs: 0,
    findings: [],
  };
  let closed = false;

  function tableOf(scope: string): StateTable {
    let table = tables.get(scope);
    if (table === undefined) {
      table = createTable(scope, slots);
      tables.set(scope, table);
    }
    return table;
  }

  function checkOpen(): void {
    if (closed) throw new SluiceError("CLOSED", "the memory store is closed");
  }

  function judge({ scope, key, policy, cost }: Claim, nowMs: number, finding: WritableFinding): boolean {
    const table = tableOf(scope);
    table.policy = policy;
    const slot = table.slotOf.get(key);
    table.judge(slot, policy, nowMs, cost, finding);
    finding.blocked = false;
    if (slot !== undefined && (slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] as number) > nowMs) {
      Object.assign(finding, withBlock(finding, slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] as number, nowMs));
    }
    return finding.allowed;
  }

  function chargeClaim({ scope, key, policy, cost }: Claim, nowMs: number, lifetimeMs: number): void {
    const table = tableOf(scope);
    const slot = table.slotOf.get(key) ?? slots.take(table, key, nowMs);
    table.charge(slot, policy, nowMs, cost);
    keepUntil(slots, slot, nowMs + lifetimeMs);
  }

  /** What fits was not charged, so it is reported as it stands. */
  function asTheyStand({ scope, key, policy }: Claim, nowMs: number, finding: WritableFinding): void {
    if (!finding.allowed) return;
    const table = tableOf(scope);
    table.judge(table.slotOf.get(key), policy, nowMs, 0, finding);
  }

  const store: MemoryStore = {
    algorithms: new Set(builtInAlgorithms.keys()),

    get size() {
      return slots.size;
    },

    synchronous: true,

    decide({ claims, charge }, options) {
      checkOpen();
      const nowMs = options?.nowMs ?? Date.now();
      const graceMs = graceOf(options);
      slots.sweepOne(graceMs === 0 ? nowMs : Date.now());
      const { findings } = outcome;
      while (findings.length < claims.length) findings.push(blankFinding());
      findings.length = claims.length;
      let allowed = true;
      for (let i = 0; i < claims.length; i++) {
        if (!judge(claims[i] as Claim, nowMs, findings[i] as WritableFinding)) allowed = false;
      }
      if (!allowed || !charge) {
        for (let i = 0; i < claims.length; i++) asTheyStand(claims[i] as Claim, nowMs, findings[i] as WritableFinding);
      } else {
        for (let i = 0; i < claims.length; i++) {
          chargeClaim(claims[i] as Claim, nowMs, (findings[i] as ClaimFinding).resetAfterMs + graceMs);
        }
      }
      outcome.allowed = allowed;
      outcome.nowMs = nowMs;
      return outcome;
    },

    async atomicUpdate<S>(
      entryKey: string,
      update: (state: S | undefined, nowMs: number) => Next<S> | undefined,
      options?: CallOptions,
    ): Promise<S | undefined> {
      checkOpen();
      const ownNowMs = Date.now();
      const nowMs = options?.nowMs ?? ownNowMs;
      const { scope, key } = splitEntryKey(entryKey);
      const table = tableOf(scope);
      let slot = table.slotOf.get(key);
      const live = slot !== undefined && (slots.cells[slot * STRIDE + EXPIRES_AT_MS] as number) > ownNowMs;
      const state = live ? (table.read(slot as number) as S) : undefined;
      const next = update(state, nowMs);
      if (next === undefined) return state;
      slot ??= slots.take(table, key, ownNowMs);
      table.write(slot, next.state);
      keepUntil(slots, slot, nowMs + next.ttlMs + graceOf(options));
      return next.state;
    },

    async delete(entryKey) {
      checkOpen();
      const { scope, key } = splitEntryKey(entryKey);
      const slot = tables.get(scope)?.slotOf.get(key);
      if (slot !== undefined) slots.release(slot);
    },

    async *exportEntries(): AsyncGenerator<ExportedEntry> {
      for (const { slot, table, key } of slots.used()) {
        const expiresAtMs = slots.cells[slot * STRIDE + EXPIRES_AT_MS] as number;
        if (expiresAtMs > Date.now())
          yield { key: table.scope + key, state: (table as StateTable).read(slot), expiresAtMs };
      }
    },

    async close() {
      closed = true;
      slots.clear();
      tables.clear();
    },
  };
  return store;
}

function checkOptions(options: MemoryStoreOptions): number {
  rejectUnknown(options, ["maxKeys"], "memoryStore");
  const { maxKeys = 1_000_000 } = options;
  if (!Number.isSafeInteger(maxKeys) || maxKeys < 1 || maxKeys > MOST_KEYS) {
    throw invalidOption("maxKeys", maxKeys, `give a whole number from 1 to ${MOST_KEYS}`);
  }
  return maxKeys;
}

type WritableFinding = Finding & { blocked: boolean };

function blankFinding(): WritableFinding {
  return { allowed: false, remaining: 0, retryAfterMs: undefined, resetAfterMs: 0, epochMs: 0, blocked: false };
}

function graceOf(options: CallOptions | undefined): number {
  return options?.nowMs === undefined ? 0 : Date.now() - options.nowMs + TEST_GRACE_MS;
}
