import { closeSync, openSync, writeSync } from "node:fs";

/**
 * The file of Linux's PM QoS. While it is open, no core sleeps so deeply that it takes longer to wake than the number
 * written to it.
 */
const WAKE_LATENCY_FILE = "/dev/cpu_dma_latency";

/** A request to the system that idle cores stay awake. */
export interface AwakeCores {
  /** True if the system keeps them awake. This needs Linux and root. */
  readonly awake: boolean;
  release(): void;
}

/**
 * Keeps idle cores awake. An app that answers a load generator on another core has to wake that core. On a virtual
 * machine, this takes longer than all the work of a limiter, and happens more often the slower the app is.
 */
export function keepCoresAwake(): AwakeCores {
  try {
    const file = openSync(WAKE_LATENCY_FILE, "r+");
    // A 32-bit number of microseconds.
    writeSync(file, new Int32Array([0]));
    return { awake: true, release: () => closeSync(file) };
  } catch {
    return { awake: false, release() {} };
  }
}
