import type { MaybePromise, Store } from "@sluice/core";

/** A missing capability of a store, and the reason, which the test report shows. */
export interface Absent {
  readonly absent: string;
}

/** Declares that a store does not have a capability, with the reason. */
export function absent(reason: string): Absent {
  return { absent: reason };
}

/** Creates a handle on the backend under test. */
export type MakeStore = () => MaybePromise<Store>;

/** The groups of `storeSuite`. */
export type StoreGroup =
  | "basics"
  | "decide"
  | "differential"
  | "atomicity"
  | "several processes"
  | "races"
  | "expiry"
  | "clock"
  | "odd keys"
  | "refund, reset and block"
  | "custom algorithm"
  | "batching"
  | "export"
  | "import"
  | "lifecycle"
  | "failure";

/**
 * The capabilities of a store. Each is either present or declared absent with a reason, so that none is forgotten. A wrong
 * declaration fails.
 */
export interface StoreCapabilities {
  /** True if the store has `decide`. */
  readonly decides: true | Absent;
  /** True if all handles that `makeStore` returns see the same state. */
  readonly shared: true | Absent;
  /** True if the clock of the backend decides, and not that of the calling process. */
  readonly ownClock: true | Absent;
  /** A module with which another process opens a handle on the same state. */
  readonly otherProcess: StoreModule | Absent;
  /** True if the store has `exportEntries`. */
  readonly exportsEntries: true | Absent;
  /** True if the store has `importEntries`. */
  readonly importsEntries: true | Absent;
  /** True if the store has `healthCheck`. */
  readonly checksHealth: true | Absent;
  /** Creates a handle whose backend is down from the start, for example on a port where nothing listens. */
  readonly unreachable: MakeStore | Absent;
  /** Creates a handle whose backend can be stopped and restored. */
  readonly interruptible: (() => MaybePromise<InterruptibleStore>) | Absent;
  /** The number of random operations for each algorithm in the group `differential`. Default 10,000. */
  readonly operations?: number;
  /** The groups to skip, with the reason. */
  readonly skip?: Readonly<Partial<Record<StoreGroup, string>>>;
}

/** A module that other processes import. */
export interface StoreModule {
  /** The URL of plain JavaScript that exports `makeStore`, a function that gets `setting` and creates a store. */
  readonly module: URL;
  /** Returns data that the module cannot know, such as the address of a server that the tests started. */
  readonly setting?: () => string;
}

/** A store whose backend the test controls. */
export interface InterruptibleStore {
  readonly store: Store;
  /** Stops the backend. */
  interrupt(): Promise<void>;
  /** Starts the backend again. */
  restore(): Promise<void>;
}

/** Returns whether a capability is absent. */
export function isAbsent(capability: unknown): capability is Absent {
  return typeof capability === "object" && capability !== null && "absent" in capability;
}
