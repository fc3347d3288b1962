import { splitEntryKey, TEST_GRACE_MS, withBlock } from "@sluice/core/kit";
import {
  type CallOptions,
  type Claim,
  checkOptions,
  type ExportEntries,
  type ExportedEntry,
  type Finding,
  type ImportEntries,
  type Next,
  type Outcome,
  type Policy,
  SluiceError,
  type SynchronousStore,
} from "@sluice/core/store";
import { BLOCKED_UNTIL_MS, createSlots, EXPIRES_AT_MS, STRIDE, type Table } from "./slots.js";
import { correctBlock, createTable, jsonTable, keepUntil, NO_SLOT, type StateTable } from "./table.js";

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * The maximum number of entries, one for each policy of each key: a whole number from 1 to 2^24. A key of more than 255
   * characters counts as several entries, one for each 256 characters. A full store evicts recovered keys first, then those
   * closest to recovering. It evicts exhausted and blocked keys last. Default 1,000,000.
   */
  maxKeys?: number | undefined;
}

/** A store in this process's memory. */
export interface MemoryStore extends SynchronousStore, ExportEntries, ImportEntries {
  /** The number of entries, including expired ones that have not been removed yet. */
  readonly size: number;
}

/** The maximum number of keys of a `Map` in V8. */
const MAX_KEYS = 2 ** 24;

/**
 * Creates a store in this process's memory, which decides synchronously. State is not shared with other processes, and is
 * lost when this one ends.
 *
 * It starts no timers. Expired entries are removed a few at a time during other calls, so there are no pauses.
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
  const tables = new Map<string, StateTable>();
  checkOptions(options, { maxKeys: { min: 1, max: MAX_KEYS } }, "memoryStore");
  const { maxKeys = 1_000_000 } = options;
  const slots = createSlots(maxKeys, tables as Map<string, Table>);
  let latest: StateTable | undefined;
  // Reused for each decision: see SynchronousStore.
  const single = blankFinding();
  const outcomeOfOne = { allowed: false, nowMs: 0, findings: [single] };
  let closed = false;

  function tableOf({ scope, policy }: Claim): StateTable {
    // Most limiters have one policy, and so need the same table again and again.
    if (latest?.scope === scope) return latest;
    const known = tables.get(scope);
    latest = known?.isRead ? known : readTable(scope, policy, known);
    return latest;
  }

  /** The table of a policy. Takes over entries that were written before the policy was known. */
  function readTable(scope: string, policy: Policy, known: StateTable | undefined): StateTable {
    const table = createTable(scope, slots, policy);
    if (known === undefined) return table;
    slots.move(known, table);
    for (const slot of table.slotOf.values()) table.write(slot, known.read(slot));
    return table;
  }

  /** The table of a scope whose policy is not given. */
  function anyTable(scope: string): StateTable {
    if (latest?.scope === scope) return latest;
    return tables.get(scope) ?? jsonTable(scope, slots);
  }

  function checkOpen(): void {
    if (closed) throw new SluiceError("CLOSED", "the memory store is closed");
  }

  /** Returns the slot of a claim's key, or -1 if it has none. Writes the finding of the claim into `finding`. */
  function judge(
    { policy, key, cost }: Claim,
    table: StateTable,
    nowMs: number,
    finding: WritableFinding,
    graceMs: number,
  ): number {
    table.policy = policy;
    const slot = table.slotOf.get(key) ?? NO_SLOT;
    const isRepaired = table.judge(slot, policy, nowMs, cost, finding);
    finding.blocked = false;
    if (slot === NO_SLOT) return slot;
    const isBlocked = (slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] as number) > nowMs;
    if (isRepaired || isBlocked || !finding.allowed)
      judgeOther(table, slot, policy, nowMs, finding, graceMs, isRepaired);
    return slot;
  }

  /** The rare cases of `judge`. A separate function, because every decision runs `judge`. */
  function judgeOther(
    table: StateTable,
    slot: number,
    policy: Policy,
    nowMs: number,
    finding: WritableFinding,
    graceMs: number,
    isRepaired: boolean,
  ): void {
    if (isRepaired) keepRepaired(table, slot, nowMs, finding, graceMs);
    if (!finding.allowed && finding.remaining === 0) slots.guard(slot);
    if ((slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] as number) <= nowMs) return;
    const isShortened = correctBlock(slots, slot, nowMs);
    const blockedUntilMs = slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] as number;
    const asked = { ...finding };
    // Nothing will be charged, so the limit is restored from the current state.
    look(table, slot, policy, nowMs, finding, graceMs);
    if (isShortened) keepRepaired(table, slot, nowMs, finding, graceMs);
    Object.assign(finding, withBlock({ ...asked, resetAfterMs: finding.resetAfterMs }, blockedUntilMs, nowMs));
  }

  /** Writes the finding for a slot if nothing is charged. */
  function look(
    table: StateTable,
    slot: number,
    policy: Policy,
    nowMs: number,
    finding: Finding,
    graceMs: number,
  ): void {
    if (table.judge(slot, policy, nowMs, 0, finding)) keepRepaired(table, slot, nowMs, finding, graceMs);
  }

  /** Keeps a repaired state for as long as it counts. */
  function keepRepaired(
    { ttlMs }: StateTable,
    slot: number,
    nowMs: number,
    { resetAfterMs }: Finding,
    graceMs: number,
  ): void {
    keepUntil(slots, slot, nowMs + Math.max(1, ttlMs ?? resetAfterMs) + graceMs);
  }

  /** Charges a claim whose finding is in `finding`. */
  function charge(
    { key, policy, cost }: Claim,
    table: StateTable,
    known: number,
    nowMs: number,
    finding: Finding,
    graceMs: number,
  ): void {
    const slot = known === NO_SLOT ? slots.take(table, key, nowMs) : known;
    table.charge(slot, policy, nowMs, cost);
    keepUntil(slots, slot, nowMs + (table.ttlMs ?? finding.resetAfterMs) + graceMs);
    if (finding.remaining === 0) slots.guard(slot);
  }

  /** Decides a single claim, as nearly all admissions have, without looking up its key twice. */
  function decideOne(claim: Claim, charging: boolean, nowMs: number, graceMs: number): Outcome {
    const table = tableOf(claim);
    const slot = judge(claim, table, nowMs, single, graceMs);
    if (single.allowed) {
      if (charging) charge(claim, table, slot, nowMs, single, graceMs);
      else look(table, slot, claim.policy, nowMs, single, graceMs);
    }
    outcomeOfOne.allowed = single.allowed;
    outcomeOfOne.nowMs = nowMs;
    return outcomeOfOne;
  }

  function decideTogether(claims: readonly Claim[], charging: boolean, nowMs: number, graceMs: number): Outcome {
    const findings = claims.map(blankFinding);
    let allowed = true;
    claims.forEach((claim, i) => {
      judge(claim, tableOf(claim), nowMs, findings[i] as WritableFinding, graceMs);
      if (!findings[i]?.allowed) allowed = false;
    });
    claims.forEach((claim, i) => {
      const table = tableOf(claim);
      // Looked up again, because an earlier charge may have evicted it.
      const slot = table.slotOf.get(claim.key) ?? NO_SLOT;
      const finding = findings[i] as WritableFinding;
      if (allowed && charging) charge(claim, table, slot, nowMs, finding, graceMs);
      else if (finding.allowed) look(table, slot, claim.policy, nowMs, finding, graceMs);
    });
    return { allowed, nowMs, findings };
  }

  const store: MemoryStore = {
    get size() {
      return slots.size;
    },

    synchronous: true,

    decide({ claims, charge: charging }, options) {
      checkOpen();
      const nowMs = options?.nowMs ?? Date.now();
      const graceMs = graceOf(options);
      slots.sweepOne(graceMs === 0 ? nowMs : Date.now());
      return claims.length === 1
        ? decideOne(claims[0] as Claim, charging, nowMs, graceMs)
        : decideTogether(claims, charging, nowMs, graceMs);
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
      const table = anyTable(scope);
      let slot = table.slotOf.get(key);
      const live = slot !== undefined && (slots.cells[slot * STRIDE + EXPIRES_AT_MS] as number) > ownNowMs;
      const state = live ? (table.read(slot as number) as S) : undefined;
      const next = update(state, nowMs);
      if (next === undefined) return state;
      slot ??= slots.take(table, key, ownNowMs);
      table.write(slot, next.state);
      keepUntil(slots, slot, nowMs + next.ttlMs + graceOf(options));
      slots.wrote(slot, nowMs);
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

    async importEntries(entries) {
      checkOpen();
      if (entries.some(({ digested }) => digested)) {
        throw new SluiceError(
          "DIGESTED_KEY",
          "an entry's key is known only by its digest, and the memory store looks keys up in plain text: leave the entry out",
        );
      }
      const nowMs = Date.now();
      return entries.filter(({ key: entryKey, state, expiresAtMs }) => {
        if (expiresAtMs <= nowMs) return false;
        const { scope, key } = splitEntryKey(entryKey);
        const table = anyTable(scope);
        let slot = table.slotOf.get(key);
        if (slot !== undefined && (slots.cells[slot * STRIDE + EXPIRES_AT_MS] as number) > nowMs) return true;
        slot ??= slots.take(table, key, nowMs);
        table.write(slot, state);
        keepUntil(slots, slot, expiresAtMs);
        slots.wrote(slot, nowMs);
        return false;
      });
    },

    async close() {
      closed = true;
      slots.close();
      latest = undefined;
    },
  };
  return store;
}

type WritableFinding = Finding & { blocked: boolean };

function blankFinding(): WritableFinding {
  return { allowed: false, remaining: 0, retryAfterMs: undefined, resetAfterMs: 0, epochMs: 0, blocked: false };
}

/** The time to add to the lifetime of entries if a call has an explicit time: entries expire by this process's clock. */
function graceOf(options: CallOptions | undefined): number {
  return options?.nowMs === undefined ? 0 : Date.now() - options.nowMs + TEST_GRACE_MS;
}
