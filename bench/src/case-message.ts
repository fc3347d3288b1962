import type { Settings } from "./suite.js";

/** The task of a case's process: its only argument, as JSON. */
export interface CaseOrder {
  readonly suite: string;
  readonly id: string;
  readonly settings: Settings;
}

/** A request to a case's process. */
export type CaseRequest = "run" | "stop";

/** The replies: one when the process is ready, and one to each request to run. */
export type CaseReply = { readonly ready: true } | { readonly values: readonly number[] } | { readonly error: string };
