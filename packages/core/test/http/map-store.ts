import type { Store } from "../../src/index.js";
import {
  type Admission,
  asynchronous,
  builtInAlgorithms,
  decideEntries,
  type Entry,
  type Outcome,
} from "../../src/store/index.js";

/** A store on a `Map` that decides synchronously, at the given time. */
export function mapStore(now: { ms: number } = { ms: 0 }): Store & { readonly keys: () => string[] } {
  const entries = new Map<string, Entry>();
  return {
    asynchronous,
    algorithms: new Set(builtInAlgorithms.keys()),
    decide(admission: Admission): Outcome {
      const keys = admission.claims.map(({ scope, key }) => scope + key);
      const found = keys.map((key) => entries.get(key));
      const { outcome, writes } = decideEntries(admission, found, now.ms);
      writes.forEach((next, i) => {
        if (next !== undefined) entries.set(keys[i] ?? "", next.state);
      });
      return outcome;
    },
    atomicUpdate: () => Promise.reject(new Error("not needed")),
    delete: () => Promise.reject(new Error("not needed")),
    close: async () => {},
    keys: () => [...entries.keys()],
  } as Store & { keys: () => string[] };
}
