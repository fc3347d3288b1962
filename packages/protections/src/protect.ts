import type { LimiterOptions } from "@sluice/core";
import {
  ANSWER_OPTIONS,
  type AnswerOptions,
  type CheckSource,
  createGuard,
  GUARD_OPTIONS,
  type Guard,
  type GuardOptionsOf,
  type HttpPort,
  invalidOption,
  type LimitDenial,
  type LimitOptionsOf,
  limit,
  rejectUnknown,
  type UnavailableDenial,
} from "@sluice/core/http";
import { type BlockedDenial, blocked } from "./blocklist/check.js";
import type { BlockEntry } from "./blocklist/entry.js";
import { type DuplicateDenial, once } from "./once/check.js";
import type { Sighting } from "./once/debouncer.js";
import type { FingerprintOptions } from "./once/fingerprint-source.js";
import type { Protections } from "./protections.js";
import { type RegisteredOptions, registeredIn, type UnregisteredDenial } from "./registry/check.js";
import type { Client } from "./registry/registry.js";

/** What `protect` answers to a request that may not continue. Its `reason` says which `found` it has. */
export type ProtectDenial = BlockedDenial | UnregisteredDenial | DuplicateDenial | LimitDenial | UnavailableDenial;

/**
 * Options of `protect`, in every framework: those of a guard, those of `rateLimit` with a limiter, and what a duplicate is.
 * `statusCode`, `type`, `title` and `message` are of the answer over a limit. `refundWhen` refunds the limits and closes the
 * window of duplicates.
 */
export interface ProtectOptions<Req, Handler = never>
  extends GuardOptionsOf<Req, Handler>,
    Omit<LimitOptionsOf<Req>, keyof LimiterOptions | "refundWhen">,
    FingerprintOptions<Req> {
  /** Who the client says it is. Needed where the protections have a registry: only registered clients get through. */
  id?: RegisteredOptions<Req>["id"] | undefined;
  /** The answer to blocked clients. */
  blocked?: AnswerOptions<Req, BlockEntry> | undefined;
  /** The answer to clients that are not registered. */
  unregistered?: AnswerOptions<Req, Client | undefined> | undefined;
  /** The answer to duplicates. */
  duplicate?: AnswerOptions<Req, Sighting> | undefined;
}

const OWN_OPTIONS: readonly Exclude<keyof ProtectOptions<never>, keyof GuardOptionsOf<never>>[] = [
  "cost",
  "headers",
  "legacyReset",
  "unit",
  "statusCode",
  "type",
  "title",
  "message",
  "requestProperty",
  "fingerprint",
  "methods",
  "id",
  "blocked",
  "unregistered",
  "duplicate",
];

/**
 * Creates the guard of all protections together: the checks `blocked`, `registered` where the protections have a registry,
 * `once` and `limit`, in this order. Blocked and unregistered clients get 403, duplicates 409, requests over the limit 429;
 * all get 503 while the store fails. For authors of adapters.
 *
 * @throws SluiceError for any option that is not what it should be
 */
export function createProtectGuard<Req, Handler>(
  { blocklist, registry, debouncer, limiter }: Protections,
  options: ProtectOptions<Req, Handler>,
  port: HttpPort<Req>,
): Guard<Req, Handler, ProtectDenial> {
  rejectUnknown(options, [...GUARD_OPTIONS, ...OWN_OPTIONS], "protect");
  const { fingerprint, methods, id, blocked: block = {}, unregistered = {}, duplicate = {}, ...rest } = options;
  for (const [name, answer] of Object.entries({ blocked: block, unregistered, duplicate })) {
    rejectUnknown(answer, ANSWER_OPTIONS, `"${name}"`);
  }
  const { key, skip, chargePreflight, ipv6Prefix, unusableAddress, hashKey, refundWhen, ...others } = rest;
  const { dryRun, name, handler, ...limits } = others;
  if (registry === undefined && id !== undefined) {
    throw invalidOption("id", id, "the protections have no registry: give createProtections the option registry");
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
