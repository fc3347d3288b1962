import type { Policy } from "@sluice/core";
import type { RecordedCall } from "../history/recorded-call.js";

/** The task of a process of the group `several processes`. */
export interface Task {
  readonly module: string;
  readonly setting: string | undefined;
  readonly prefix: string;
  readonly policies: readonly Policy[];
  readonly callers: number;
  /** The number of calls that each caller makes. */
  readonly calls: number;
}

/** The messages of a process: that it is ready to start, and then the number of its admitted calls. */
export type Report = "ready" | { readonly admitted: number } | { readonly failed: string };

/** The task of a process of the group `races`. */
export interface RaceTask {
  readonly module: string;
  readonly setting: string | undefined;
  readonly prefix: string;
  readonly seed: number;
}

/** The messages of a racing process: that it is ready to start, and then its part of the history of each algorithm. */
export type RaceReport =
  | "ready"
  | { readonly histories: Readonly<Record<string, readonly RecordedCall[]>> }
  | { readonly failed: string };
