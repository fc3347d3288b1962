import { setImmediate } from "node:timers/promises";
import { type Algorithm, type CallOptions, type Next, SluiceError } from "@sluice/core";
import {
  type Admission,
  algorithmOf,
  asynchronous,
  type Claim,
  type DecidingStore,
  decideEntries,
  type Entry,
  type Outcome,
} from "@sluice/core/store";

/** The possible faults of a store. */
export interface Faults {
  /** Changes keys. */
  keyOf?(key: string): string;
  /** Changes algorithms. */
  algorithm?(algorithm: Algorithm): Algorithm;
  /** Changes times. */
  nowMs?(nowMs: number): number;
  /** Changes lifetimes. */
  ttlMs?(ttlMs: number): number;
  /** Changes outcomes. */
  outcome?(outcome: Outcome, admission: Admission): Outcome;
  /** Changes state that is read. */
  read?(state: unknown): unknown;
  /** True if reads extend the lifetime of state. */
  readsProlong?: boolean;
  /** True if other calls can run between a read and its write. */
  races?: boolean;
  /** True if a denial charges the policies that allow. */
  chargesDenials?: boolean;
  /** Returns whether `atomicUpdate` skips the write. */
  losesUpdate?(before: unknown, after: unknown): boolean;
  /** True if explicit times have no effect. */
  ignoresExplicitTime?: boolean;
  /** True if the store keeps working after it is closed. */
  neverCloses?: boolean;
  /** True if `delete` does nothing. */
  keepsDeleted?: boolean;
}

interface Kept {
  state: unknown;
  expiresAtMs: number;
  ttlMs: number;
}

/** A store that is correct except for its faults. */
export function brokenStore(faults: Faults = {}): DecidingStore {
  const kept = new Map<string, Kept>();
  let closed = false;
  const keyOf = faults.keyOf ?? ((key: string) => key);

  function nowOf(options: CallOptions | undefined): number {
    const explicit = faults.ignoresExplicitTime ? undefined : options?.nowMs;
    return (faults.nowMs ?? ((nowMs) => nowMs))(explicit ?? Date.now());
  }

  function read(key: string): unknown {
    const found = kept.get(keyOf(key));
    if (found === undefined || found.expiresAtMs <= Date.now()) return undefined;
    if (faults.readsProlong) found.expiresAtMs = Date.now() + found.ttlMs;
    return faults.read ? faults.read(found.state) : found.state;
  }

  function write(key: string, { state, ttlMs: given }: Next<unknown>, options: CallOptions | undefined): void {
    const ttlMs = faults.ttlMs?.(given) ?? given;
    const expiresAtMs = options?.nowMs === undefined ? Date.now() + ttlMs : Number.POSITIVE_INFINITY;
    kept.set(keyOf(key), { state: structuredClone(state), expiresAtMs, ttlMs });
  }

  /** Replaces the algorithm in the policies of the claims. */
  function changed({ claims, charge }: Admission): Admission {
    const changedOf = ({ policy, ...claim }: Claim): Claim => {
      const algorithm = algorithmOf(policy);
      const own = { [Symbol.for("sluice.algorithm")]: faults.algorithm?.(algorithm) ?? algorithm };
      return { ...claim, policy: { ...policy, ...own } };
    };
    return { claims: claims.map(changedOf), charge };
  }

  async function open(): Promise<void> {
    if (closed && !faults.neverCloses) throw new SluiceError("CLOSED", "closed");
  }

  return {
    asynchronous,

    async decide(asked, options) {
      await open();
      const admission = changed(asked);
      const keys = admission.claims.map(({ scope, key }) => scope + key);
      const entries = keys.map((key) => read(key) as Entry | undefined);
      const nowMs = nowOf(options);
      if (faults.races) await setImmediate();
      const { outcome, writes } = decideEntries(admission, entries, nowMs);
      for (const [i, next] of writes.entries()) if (next !== undefined) write(keys[i] as string, next, options);
      if (faults.chargesDenials && !outcome.allowed && admission.charge) {
        for (const [i, claim] of admission.claims.entries()) {
          const alone = decideEntries({ claims: [claim], charge: true }, [entries[i]], nowMs).writes[0];
          if (alone !== undefined) write(keys[i] as string, alone, options);
        }
      }
      return faults.outcome?.(outcome, admission) ?? outcome;
    },

    async atomicUpdate<S>(
      key: string,
      update: (state: S | undefined, nowMs: number) => Next<S> | undefined,
      options?: CallOptions,
    ): Promise<S | undefined> {
      await open();
      const state = structuredClone(read(key)) as S | undefined;
      if (faults.races) await setImmediate();
      const next = update(state, nowOf(options));
      if (next === undefined) return state;
      if (!faults.losesUpdate?.(state, next.state)) write(key, next, options);
      return next.state;
    },

    async delete(key) {
      await open();
      if (!faults.keepsDeleted) kept.delete(keyOf(key));
    },

    async close() {
      closed = true;
    },
  };
}
