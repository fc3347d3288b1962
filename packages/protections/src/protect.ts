import type { LimiterOptions } from "@sluice/core";
import {
  ANSWER_RULES,
  type AnswerOptions,
  type CheckSource,
  checkOptions,
  createGuard,
  GUARD_RULES,
  type Guard,
  type GuardOptionsOf,
  type HttpPort,
  invalidOption,
  type LimitDenial,
  type LimitOptionsOf,
  limit,
  type Rules,
  type UnavailableDenial,
} from "@sluice/core/http";
import { type BlockedDenial, blocked } from "./blocklist/check.js";
import type { BlockEntry } from "./blocklist/entry.js";
import { type DuplicateDenial, once } from "./once/check.js";
import type { Sighting } from "./once/debouncer.js";
import { FINGERPRINT_RULES, type FingerprintOptions } from "./once/fingerprint-source.js";
import type { Protections } from "./protections.js";
import { type RegisteredOptions, registeredIn, type UnregisteredDenial } from "./registry/check.js";
import type { Client } from "./registry/registry.js";

/** A denial of `protect`. Its `reason` determines the type of `found`. */
export type ProtectDenial = BlockedDenial | UnregisteredDenial | DuplicateDenial | LimitDenial | UnavailableDenial;

/**
 * Options of `protect` in every framework: those of a guard, those of `rateLimit` with a limiter, and the definition of a
 * duplicate. `statusCode`, `type`, `title` and `message` change the answer over a limit. `refundWhen` refunds the limits
 * and closes the window of duplicates.
 */
export interface ProtectOptions<Req, Handler = never>
  extends GuardOptionsOf<Req, Handler>,
    Omit<LimitOptionsOf<Req>, keyof LimiterOptions | "refundWhen">,
    FingerprintOptions<Req> {
  /**
   * Returns the client's id, such as its API key. Required if the protections have a registry, because only registered
   * clients then get through.
   */
  id?: RegisteredOptions<Req>["id"] | undefined;
  /** The answer to blocked clients. */
  blocked?: AnswerOptions<Req, BlockEntry> | undefined;
  /** The answer to clients that are not registered. */
  unregistered?: AnswerOptions<Req, Client | undefined> | undefined;
  /** The answer to duplicates. */
  duplicate?: AnswerOptions<Req, Sighting> | undefined;
}

/** The rules of {@link ProtectOptions}. The limit checks most of its own options. */
const RULES: Rules<ProtectOptions<never>> = {
  ...GUARD_RULES,
  ...ANSWER_RULES,
  ...FINGERPRINT_RULES,
  cost: "any",
  headers: "any",
  legacyReset: "any",
  unit: "any",
  requestProperty: "any",
  id: "function",
  blocked: "any",
  unregistered: "any",
  duplicate: "any",
};

/**
 * Creates a guard with all protections: the checks `blocked`, `registered` (if there is a registry), `once` and `limit`, in
 * this order. Blocked and unregistered clients get 403, duplicates 409, and requests over the limit 429. All get 503 while
 * the store fails. For authors of adapters.
 *
 * @throws SluiceError for any invalid option
 */
export function createProtectGuard<Req, Handler>(
  { blocklist, registry, debouncer, limiter }: Protections,
  options: ProtectOptions<Req, Handler>,
  port: HttpPort<Req>,
): Guard<Req, Handler, ProtectDenial> {
  checkOptions(options, RULES, "protect");
  const { fingerprint, methods, id, blocked: block = {}, unregistered = {}, duplicate = {}, ...rest } = options;
  for (const [name, answer] of Object.entries({ blocked: block, unregistered, duplicate })) {
    checkOptions(answer, ANSWER_RULES, `"${name}"`);
  }
  const { key, skip, chargePreflight, ipv6Prefix, unusableAddress, hashKey, refundWhen, ...others } = rest;
  const { dryRun, name, handler, ...limits } = others;
  if (registry === undefined && id !== undefined) {
    throw invalidOption(
      "id",
      id,
      "be left out, because the protections have no registry. Pass the option registry to createProtections to create one",
    );
  }
  const guardOptions: GuardOptionsOf<Req, Handler> = {
    key,
    skip,
    chargePreflight,
    ipv6Prefix,
    unusableAddress,
    hashKey,
    refundWhen,
    dryRun,
    name,
    handler,
  };
  return createGuard<Req, Handler, CheckSource<Req, ProtectDenial>>(
    [
      blocked<Req>(blocklist, block),
      ...(registry === undefined
        ? []
        : [registeredIn<Req>(registry, { ...unregistered, id: id as RegisteredOptions<Req>["id"] })]),
      once<Req>(debouncer, { ...duplicate, fingerprint, methods }),
      limit<Req>(limiter, limits),
    ],
    guardOptions,
    port,
    "protect",
  );
}
