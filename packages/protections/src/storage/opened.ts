import type { DecidingStore } from "@sluice/core";
import type { Setting } from "./setting.js";

/** A store, open and tried, and how to let go of what it uses. */
export interface Opened {
  readonly store: DecidingStore;
  /** Ends the client, where there is one. */
  readonly end?: () => Promise<unknown>;
}

/** Opens what a setting names, and tries it: a setting that is wrong is found now. */
export type Opener = (
  setting: Setting,
  options: { readonly migrate: boolean; readonly timeoutMs: number },
) => Promise<Opened>;
