import type { StoreCapabilities } from "../store/capabilities.js";
import type { SuiteContext } from "../store/suite-context.js";
import type { Protections } from "./protections.js";

/**
 * The capabilities of the store that the protections run on, the same as for `storeSuite`. The module of `otherProcess`
 * also exports `protections`, an object with the functions that create them.
 */
export type ProtectionCapabilities = Pick<StoreCapabilities, "shared" | "otherProcess" | "exportsEntries">;

/** The functions with which the groups define their tests. */
export interface ProtectionContext extends SuiteContext<ProtectionCapabilities> {
  readonly protections: Protections;
}
