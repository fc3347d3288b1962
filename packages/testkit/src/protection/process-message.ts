/** The task of a process of the group `protections in several processes`. */
export interface ProtectionTask {
  readonly module: string;
  readonly setting: string | undefined;
  readonly prefix: string;
  /** The number of the process, from 0. */
  readonly process: number;
  /** How many requests, blocks and updates each process makes. */
  readonly count: number;
}

/** The messages of a process: that it is ready to start, and then how many of its requests were not duplicates. */
export type ProtectionReport = "ready" | { readonly firstSights: number } | { readonly failed: string };
