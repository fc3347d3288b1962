import type { MaybePromise, Store } from "@sluice/core";

/** A capability that a store does not have, and the reason, which the test report shows. */
export interface Absent {
  readonly absent: string;
}

/** Declares that a store does not have a capability, and why. */
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
 * The capabilities of a store. Each is present, or absent for a reason; none is left out silently, and a wrong
 * declaration fails.
 */
export interface StoreCapabilities {
  /** True if the store has `decide`. */
  readonly decides: true | Absent;
  /** True if all handles that `makeStore` returns see the same state. */
  readonly shared: true | Absent;
  /** True if the backend's clock decides, and not the clock of the process that asks. */
  readonly ownClock: true | Absent;
  /** How another process opens a handle that sees the same state. */
  readonly otherProcess: StoreModule | Absent;
  /** True if the store has `exportEntries`. */
  readonly exportsEntries: true | Absent;
  /** True if the store has `importEntries`. */
  readonly importsEntries: true | Absent;
  /** True if the store has `healthCheck`. */
  readonly checksHealth: true | Absent;
  /** Creates a handle whose backend is down from the start, for example on a port on which nothing listens. */
  readonly unreachable: MakeStore | Absent;
  /** Creates a handle whose backend can be stopped and restored. */
  readonly interruptible: (() => MaybePromise<InterruptibleStore>) | Absent;
  /** Random operations for each algorithm in the group `differential`. Default 10,000. */
  readonly operations?: number;
  /** Groups that are not run, with the reason. */
  readonly skip?: Readonly<Partial<Record<StoreGroup, string>>>;
}

/** A module for other processes to import. */
export interface StoreModule {
  /** Plain JavaScript that exports `makeStore`, a function that gets `setting` and creates a store. */
  readonly module: URL;
  /** Data that the module can't know, such as the address of a server that the tests started. */
  readonly setting?: () => string;
}

/** A store, and the power over its backend. */
export interface InterruptibleStore {
  readonly store: Store;
  /** Takes the backend away. */
  interrupt(): Promise<void>;
  /** Brings it back. */
  restore(): Promise<void>;
}

/** Returns whether a capability is absent. */
export function isAbsent(capability: unknown): capability is Absent {
  return typeof capability === "object" && capability !== null && "absent" in capability;
}
