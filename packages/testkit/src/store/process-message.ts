import type { Policy } from "@sluice/core";

/** The task of a process of the group `several processes`. */
export interface Task {
  readonly module: string;
  readonly setting: string | undefined;
  readonly prefix: string;
  readonly policies: readonly Policy[];
  readonly callers: number;
  /** How often each caller asks. */
  readonly calls: number;
}

/** The messages of a process: that it is ready for the start, then how many of its calls were admitted. */
export type Report = "ready" | { readonly admitted: number } | { readonly failed: string };
