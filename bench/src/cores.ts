import { closeSync, openSync, writeSync } from "node:fs";

/** Linux' PM QoS: for as long as the file is open, no core sleeps so deeply that it takes longer to wake than is written. */
const WAKE_LATENCY_FILE = "/dev/cpu_dma_latency";

/** Cores that wait for work. */
export interface AwakeCores {
  /** True if they do: it takes Linux, and its superuser. */
  readonly awake: boolean;
  release(): void;
}

/**
 * Asks that cores without work do not sleep. An app that answers a load generator on another core has to wake it, which on
 * a virtual machine takes longer than everything that a limiter does; and the slower the app, the more often it sleeps.
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
