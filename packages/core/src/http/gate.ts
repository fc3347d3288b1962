import { invalidOption } from "../errors.js";
import type { LimiterKey } from "../limiter/claims.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";
import { createDiagnostics } from "./diagnostics.js";
import { firstRequests } from "./first-requests.js";
import { keySource, UNLIMITED } from "./key-source.js";
import { findMadeInHandler } from "./made-in-handler.js";
import type { GuardOptions } from "./options.js";
import type { HttpPort } from "./port.js";

/** Options of everything that looks at requests before they are let through. */
export type GateOptions<Req> = Pick<
  GuardOptions<Req>,
  "key" | "skip" | "chargePreflight" | "ipv6Prefix" | "unusableAddress" | "hashKey" | "dryRun" | "name"
>;

/** The names of {@link GateOptions}. */
export const GATE_OPTIONS: readonly (keyof GateOptions<unknown>)[] = [
  "key",
  "skip",
  "chargePreflight",
  "ipv6Prefix",
  "unusableAddress",
  "hashKey",
  "dryRun",
  "name",
];

/** Tells which requests are looked at, and who sent them. */
export interface Gate<Req> {
  /** Goes on with the key of a request; not with a preflight, one that is skipped, or one without an address that may pass. */
  enter<T>(request: Req, next: (key: LimiterKey) => MaybePromise<T | undefined>): MaybePromise<T | undefined>;
}

/**
 * Makes the gate of a guard that is not `rateLimit`'s. It asks `skip`, then `key` or the client address, and warns as
 * `rateLimit` does.
 *
 * @param middleware the function that creates the middleware, for warnings
 * @throws SluiceError `INVALID_OPTION`
 */
export function createGate<Req>(options: GateOptions<Req>, port: HttpPort<Req>, middleware = "rateLimit"): Gate<Req> {
  const { key, skip, chargePreflight = false, hashKey, name } = options;
  for (const [option, value] of Object.entries({ key, skip, hashKey })) {
    if (value !== undefined && typeof value !== "function") throw invalidOption(option, value, "give a function");
  }
  if (typeof chargePreflight !== "boolean") {
    throw invalidOption("chargePreflight", chargePreflight, "give true or false");
  }
  const diagnostics = createDiagnostics(middleware, name);
  findMadeInHandler(port.handlerFrame);
  const findKey = keySource(options, port, diagnostics);
  const look = firstRequests(port, diagnostics, key === undefined);

  function admit<T>(request: Req, next: (key: LimiterKey) => MaybePromise<T | undefined>): MaybePromise<T | undefined> {
    return after(findKey(request), (found) => {
      if (found === UNLIMITED) return undefined;
      // What is counted is not the gate's affair, so nothing is counted twice.
      look(request, {}, found);
      return next(found);
    });
  }

  return {
    enter(request, next) {
      if (!chargePreflight && isPreflight(request, port)) return undefined;
      if (skip === undefined) return admit(request, next);
      return after(skip(request), (skipped) => (isSkipped(skipped) ? undefined : admit(request, next)));
    },
  };
}

/** The fetch standard, section 4.8: browsers name the method to come in every preflight. */
export function isPreflight<Req>(request: Req, port: HttpPort<Req>): boolean {
  return port.method(request) === "OPTIONS" && port.header(request, "access-control-request-method") !== undefined;
}

/** Something truthy that is not true is more likely a mistake than a wish, and would open the door. */
export function isSkipped(skipped: boolean | undefined): boolean {
  if (skipped === undefined || typeof skipped === "boolean") return skipped === true;
  throw invalidOption("skip", skipped, "the function must return true or false");
}
