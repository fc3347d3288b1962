export { type Blocklist, type BlocklistOptions, createBlocklist } from "./blocklist/blocklist.js";
export {
  type BlockedDenial,
  type BlockedOptions,
  type BlocklistGuardOptions,
  blocked,
  createBlocklistGuard,
} from "./blocklist/check.js";
export type { BlockEntry, BlockOptions } from "./blocklist/entry.js";
export {
  createDebounceGuard,
  type DebounceGuardOptions,
  type DuplicateDenial,
  type OnceOptions,
  once,
} from "./once/check.js";
export { createDebouncer, type Debouncer, type DebouncerOptions, type Sighting } from "./once/debouncer.js";
export type { FingerprintOptions } from "./once/fingerprint-source.js";
export { createProtectGuard, type ProtectDenial, type ProtectOptions } from "./protect.js";
export { createProtections, type PartOptions, type Protections, type ProtectionsOptions } from "./protections.js";
export type { RecordOptions } from "./records.js";
export {
  createRegistryGuard,
  type RegisteredOptions,
  type RequireRegisteredOptions,
  registered,
  type UnregisteredDenial,
} from "./registry/check.js";
export type { ClientFields, JsonValue } from "./registry/fields.js";
export {
  type Client,
  createRegistry,
  type FieldsUpdate,
  type Registry,
  type RegistryOptions,
} from "./registry/registry.js";
