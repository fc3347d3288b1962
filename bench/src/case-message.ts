import type { Settings } from "./suite.js";

/** What a case's process is started for: its only argument, as JSON. */
export interface CaseOrder {
  readonly suite: string;
  readonly id: string;
  readonly settings: Settings;
}

/** What is asked of a case's process. */
export type CaseRequest = "run" | "stop";

/** What it answers: once when it is ready, and once to each request to run. */
export type CaseReply = { readonly ready: true } | { readonly values: readonly number[] } | { readonly error: string };
