import type { Policy } from "../algorithm/policy.js";
import { invalidOption } from "../errors.js";
import type { LimiterKey } from "../limiter/claims.js";
import type { Limiter } from "../limiter/limiter.js";
import { LIMITER_OPTIONS, type LimiterOptions } from "../limiter/options.js";
import type { MaybePromise } from "../maybe-promise.js";
import type { Store } from "../store/store.js";
import { rejectUnknown } from "../unknown-option.js";
import type { HashKey } from "./hash-key.js";
import type { LegacyReset } from "./headers/legacy.js";
import { HEADER_FORMS, type HeaderFormName } from "./headers/writer.js";
import type { RefundWhen } from "./refund.js";
import type { RejectionOptions } from "./rejection.js";

/**
 * What happens to a request whose client address is missing or is no IP address: `"error"` goes to the framework's
 * error handling with `CLIENT_ADDRESS_UNUSABLE`, `"shared"` limits all such requests together, `"skip"` lets them
 * through.
 */
export type UnusableAddress = "error" | "shared" | "skip";

/**
 * Options of `rateLimit`, in every framework. Those of {@link LimiterOptions} are for a store; a limiter has its own.
 *
 * @typeParam Req what the functions are given: the framework's request, or its context
 * @typeParam Handler the function that answers in place of the standard response, in the framework's own form
 */
export interface GuardOptions<Req, Handler = never>
  extends Omit<LimiterOptions, "store" | "policies">,
    RejectionOptions<Req> {
  /**
   * One policy, or several that are decided together, or a function that says which for a request, as for plans.
   * Policies with the same name and algorithm share their counts. Default `tokenBucket()`: 100 a second, burst 100.
   */
  policies?: Policy | readonly Policy[] | ((request: Req) => MaybePromise<Policy | readonly Policy[]>) | undefined;
  /** Who is limited. Default: the client address, as by `clientKey`. */
  key?: ((request: Req) => MaybePromise<LimiterKey>) | undefined;
  /** Units that a request takes: a whole number of 1 or more. Default 1. */
  cost?: number | ((request: Req) => MaybePromise<number>) | undefined;
  /** Requests for which it returns true are not limited, and not counted. */
  skip?: ((request: Req) => MaybePromise<boolean | undefined>) | undefined;
  /**
   * Whether CORS preflight requests, which browsers send by themselves and no limit can be explained to, count as well.
   * Default false: an `OPTIONS` request with `Access-Control-Request-Method` goes through.
   */
  chargePreflight?: boolean | undefined;
  /**
   * The forms of the RateLimit fields. Default `"draft-11"`. With several, fields of the same name have the newest
   * form. `Retry-After` is sent with rejections whatever the forms, also with `"none"` or `false`.
   */
  headers?: HeaderFormName | readonly HeaderFormName[] | "none" | false | undefined;
  /** Whether `X-RateLimit-Reset` says the seconds since 1970 or the seconds to go. Default `"epoch"`. */
  legacyReset?: LegacyReset | undefined;
  /** What costs count, when that is not requests: `"content-bytes"` for example. Draft 11 says it in its policy field. */
  unit?: string | undefined;
  /** Bits of an IPv6 address that tell clients apart: 32 to 128. Default 56. */
  ipv6Prefix?: number | undefined;
  /** What to do where there is no client address to limit by. Default `"error"`. */
  unusableAddress?: UnusableAddress | undefined;
  /**
   * Whether a request is given back its cost, asked when its response is over. Never asked for a request that was denied
   * or whose client left before the end, and a cost is given back at most once.
   */
  refundWhen?: RefundWhen<Req> | undefined;
  /**
   * Decides, charges and tells, but lets everything through. With `true` the response has a field `Sluice-Dry-Run` that
   * says `allowed` or `denied`, with `"unmarked"` it has not. The RateLimit fields are sent as `headers` says; no
   * `Retry-After`. Default false.
   */
  dryRun?: boolean | "unmarked" | undefined;
  /** Makes what is stored of a key, where keys may not be stored: see {@link hmacKey}. */
  hashKey?: HashKey | undefined;
  /** What warnings and rejections call this middleware: 1 to 64 printable ASCII characters. */
  name?: string | undefined;
  /** Answers rejected requests; status and fields are set already. Default: the problem document, or `message`. */
  handler?: Handler | undefined;
  /** Where the decision is found on the request. Default `"rateLimit"`. */
  requestProperty?: string | undefined;
}

type AnyOptions = GuardOptions<never, unknown>;

const OWN_OPTIONS: readonly Exclude<keyof AnyOptions, keyof LimiterOptions>[] = [
  "key",
  "cost",
  "skip",
  "chargePreflight",
  "headers",
  "legacyReset",
  "unit",
  "ipv6Prefix",
  "unusableAddress",
  "statusCode",
  "type",
  "title",
  "message",
  "handler",
  "requestProperty",
  "refundWhen",
  "dryRun",
  "hashKey",
  "name",
];

const FOR_STORES: readonly (keyof AnyOptions)[] = LIMITER_OPTIONS.filter((option) => option !== "store");

/**
 * Checks that there is nothing but options, and no option without effect. Their values are checked where they are used.
 *
 * @throws SluiceError `UNKNOWN_OPTION`, `INVALID_OPTION`
 */
export function checkGuardOptions(storeOrLimiter: Store | Limiter, options: AnyOptions): void {
  rejectUnknown(options, [...FOR_STORES, ...OWN_OPTIONS], "rateLimit");
  if (isLimiter(storeOrLimiter)) {
    for (const option of FOR_STORES.filter((name) => options[name] !== undefined)) {
      throw invalidOption(option, options[option], "a limiter has its own: set it in createLimiter");
    }
  }
  for (const option of ["key", "skip", "handler", "refundWhen", "hashKey"] as const) {
    const value = options[option];
    if (value !== undefined && typeof value !== "function") throw invalidOption(option, value, "give a function");
  }
  const { chargePreflight = false, legacyReset = "epoch", unit, requestProperty = "rateLimit" } = options;
  if (typeof chargePreflight !== "boolean") {
    throw invalidOption("chargePreflight", chargePreflight, "give true or false");
  }
  const { dryRun = false, name } = options;
  if (typeof dryRun !== "boolean" && dryRun !== "unmarked") {
    throw invalidOption("dryRun", dryRun, 'give true, false or "unmarked"');
  }
  if (name !== undefined && (typeof name !== "string" || !/^[\x20-\x7e]{1,64}$/.test(name))) {
    throw invalidOption("name", name, "give 1 to 64 printable ASCII characters");
  }
  oneOf("legacyReset", legacyReset, ["epoch", "delta"]);
  if (unit !== undefined && (typeof unit !== "string" || !/^[\x20-\x7e]{1,128}$/.test(unit))) {
    throw invalidOption("unit", unit, "give 1 to 128 printable ASCII characters");
  }
  if (typeof requestProperty !== "string" || requestProperty === "" || requestProperty === "__proto__") {
    throw invalidOption("requestProperty", requestProperty, "give the name of a property");
  }
}

/** The options of a limiter among those of a guard, `policies` aside. */
export function limiterOptionsOf(options: AnyOptions): Omit<LimiterOptions, "store" | "policies"> {
  const given = FOR_STORES.filter((name) => name !== "policies" && options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, options[name]]));
}

/** @throws SluiceError `INVALID_OPTION` */
export function oneOf(option: string, value: string, values: readonly string[]): void {
  if (!values.includes(value)) throw invalidOption(option, value, `give one of ${values.join(", ")}`);
}

/** @throws SluiceError `INVALID_OPTION` */
export function checkForms(headers: AnyOptions["headers"] = "draft-11"): readonly HeaderFormName[] {
  if (headers === false || headers === "none") return [];
  const forms: readonly HeaderFormName[] = Array.isArray(headers) ? headers : [headers];
  for (const form of forms) oneOf("headers", form, HEADER_FORMS);
  return forms;
}

/** A store has some of a limiter's methods, and a limiter some of a store's. */
export function isLimiter(value: Store | Limiter): value is Limiter {
  return typeof (value as Partial<Limiter> | undefined)?.consume === "function";
}
