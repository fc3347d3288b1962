import { policyFromData } from "../policy/from-data.js";
import type { Policy } from "../policy/policy.js";
import type { Store } from "../store/store.js";
import type { Algorithms, Engine } from "./engine.js";
import { updatingEngine } from "./updating-engine.js";

/** What most programs never need of a limiter, apart so that a bundler can leave it out. */
export interface Parts {
  /** The policy that plain data describes; `undefined` when its algorithm is none that comes with Sluice. */
  policyFromData(data: Policy): Policy | undefined;
  /** Decides on a store with three methods, or by algorithms that a store does not know. */
  updatingEngine(store: Store, algorithms: Algorithms, prefix: string): Engine;
}

/** All of them. */
export const allParts: Parts = { policyFromData, updatingEngine };
