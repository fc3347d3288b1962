import { address } from "../keys.js";
import type { Case } from "../suite.js";

interface Filled {
  insert(key: string): unknown;
  /** References to objects that must not be collected before they are measured. */
  readonly keep: unknown;
}

/** Measures the memory of a million clients, keys included, after garbage collection. */
export function bytesCase(id: string, name: string, make: () => Filled): Case {
  return {
    id,
    name: `${name}, a million keys`,
    unit: "bytes/key",
    once: true,
    async start({ quick }) {
      const count = quick ? 10_000 : 1_000_000;
      return {
        async run() {
          const before = weigh();
          const filled = make();
          for (let i = 0; i < count; i++) await filled.insert(address(i));
          const bytes = weigh() - before;
          if (filled.keep === undefined) throw new Error("there is nothing to measure");
          return bytes / count;
        },
      };
    },
  };
}

function weigh(): number {
  if (globalThis.gc === undefined) throw new Error("start Node.js with --expose-gc");
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
