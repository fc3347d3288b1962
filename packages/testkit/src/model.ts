import { type CallOptions, type Next, SluiceError, type Store } from "@sluice/core";
import {
  type Admission,
  asynchronous,
  builtInAlgorithms,
  type DecidingStore,
  decideEntries,
  type Entry,
  type ExportEntries,
  type ExportedEntry,
  type ImportEntries,
  type Outcome,
} from "@sluice/core/store";

/** A simple, slow store in this process, whose decisions are the reference for all other stores. */
export interface ModelStore extends DecidingStore, ExportEntries, ImportEntries {
  decide(admission: Admission, options?: CallOptions): Outcome;
}

interface Kept {
  readonly state: unknown;
  readonly expiresAtMs: number;
}

/**
 * The reference model of a store: `decideEntries` on a `Map`. Use it to test code that needs a store, and as an example for
 * writing one. State written with an explicit time stays until it is deleted.
 */
export function modelStore(): ModelStore {
  const kept = new Map<string, Kept>();
  let closed = false;

  function checkOpen(): void {
    if (closed) throw new SluiceError("CLOSED", "the model store is closed");
  }

  function read(key: string): unknown {
    const found = kept.get(key);
    return found !== undefined && found.expiresAtMs > Date.now() ? found.state : undefined;
  }

  function write(key: string, next: Next<unknown>, options: CallOptions | undefined): void {
    const expiresAtMs = options?.nowMs === undefined ? Date.now() + next.ttlMs : Number.POSITIVE_INFINITY;
    kept.set(key, { state: structuredClone(next.state), expiresAtMs });
  }

  return {
    asynchronous,

    algorithms: new Set(builtInAlgorithms.keys()),

    decide(admission, options) {
      checkOpen();
      const keys = admission.claims.map(({ scope, key }) => scope + key);
      const entries = keys.map((key) => read(key) as Entry | undefined);
      const { outcome, writes } = decideEntries(admission, entries, options?.nowMs ?? Date.now());
      writes.forEach((next, i) => {
        if (next !== undefined) write(keys[i] as string, next, options);
      });
      return outcome;
    },

    async atomicUpdate<S>(
      key: string,
      update: (state: S | undefined, nowMs: number) => Next<S> | undefined,
      options?: CallOptions,
    ): Promise<S | undefined> {
      checkOpen();
      const state = structuredClone(read(key)) as S | undefined;
      const next = update(state, options?.nowMs ?? Date.now());
      if (next === undefined) return state;
      write(key, next, options);
      return next.state;
    },

    async delete(key) {
      checkOpen();
      kept.delete(key);
    },

    async *exportEntries(): AsyncGenerator<ExportedEntry> {
      checkOpen();
      for (const [key, { state, expiresAtMs }] of kept) {
        if (expiresAtMs > Date.now()) yield { key, state, expiresAtMs };
      }
    },

    async importEntries(entries) {
      checkOpen();
      if (entries.some(({ digested }) => digested)) {
        throw new SluiceError(
          "DIGESTED_KEY",
          "the model store looks keys up in plain text, but an entry has only a digest",
        );
      }
      return entries.filter(({ key, state, expiresAtMs }) => {
        if (expiresAtMs <= Date.now()) return false;
        if (read(key) !== undefined) return true;
        kept.set(key, { state: structuredClone(state), expiresAtMs });
        return false;
      });
    },

    async close() {
      closed = true;
    },
  };
}

/** The minimum of a store: its three basic methods and its mark. */
export function threeMethodsOf(store: Store): Store {
  return {
    asynchronous,
    atomicUpdate: (key, update, options) => store.atomicUpdate(key, update, options),
    delete: (key) => store.delete(key),
    close: () => store.close(),
  };
}
