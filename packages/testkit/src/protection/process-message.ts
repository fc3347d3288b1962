/** The task of a process of the group `protections in several processes`. */
export interface ProtectionTask {
  readonly module: string;
  readonly setting: string | undefined;
  readonly prefix: string;
  /** The number of the process, from 0. */
  readonly process: number;
  /** The number of requests, blocks and updates that each process makes. */
  readonly count: number;
}

/**
 * The messages of a process: that it is ready to start, and then the number of its requests that were not duplicates.
 */
export type ProtectionReport = "ready" | { readonly firstSights: number } | { readonly failed: string };
