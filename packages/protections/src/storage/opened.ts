import type { DecidingStore } from "@sluice/core/store";
import type { Given } from "./client-options.js";
import type { Setting } from "./setting.js";

/** A store, open and tried, and how to let go of what it uses. */
export interface Opened {
  readonly store: DecidingStore;
  /** Ends the client, where there is one. */
  readonly end?: () => Promise<unknown>;
}

/** How to open a storage. */
export interface Opening {
  readonly migrate: boolean;
  /** The longest that it may take. */
  readonly timeoutMs: number;
  /** Options of the client. */
  readonly given: Given;
}

/** Opens the storage that a setting names, and tries it, so that a wrong setting is found at once. */
export type Opener = (setting: Setting, opening: Opening) => Promise<Opened>;
