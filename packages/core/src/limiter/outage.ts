import type { Emitter } from "./events.js";

/** Tells the beginning and the end of an outage of the store, once each. */
export interface Outage {
  failed(error: unknown): void;
  succeeded(): void;
}

export function createOutage(failOpen: boolean, emitter: Emitter): Outage {
  let downSinceMs: number | undefined;
  return {
    failed(error) {
      if (downSinceMs !== undefined) return;
      downSinceMs = performance.now();
      emitter.emit("storeError", { error, failOpen });
    },
    succeeded() {
      if (downSinceMs === undefined) return;
      const downMs = performance.now() - downSinceMs;
      downSinceMs = undefined;
      emitter.emit("storeRecovered", { downMs });
    },
  };
}
