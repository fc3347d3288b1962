import type { StoreCapabilities } from "../store/capabilities.js";
import type { SuiteContext } from "../store/suite-context.js";
import type { Protections } from "./protections.js";

/**
 * What the protections need to know of a store: the same as for `storeSuite`. The module of `otherProcess` exports
 * `protections` as well, an object with the functions that make them.
 */
export type ProtectionCapabilities = Pick<StoreCapabilities, "shared" | "otherProcess" | "exportsEntries">;

/** What the groups define their tests with. */
export interface ProtectionContext extends SuiteContext<ProtectionCapabilities> {
  readonly protections: Protections;
}
