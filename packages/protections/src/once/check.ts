import type { LimiterKey, MaybePromise, Store } from "@sluice/core";
import {
  ANSWER_RULES,
  type AnswerOptions,
  after,
  type CheckSource,
  checkOptions,
  createGuard,
  type Denial,
  denier,
  expectNone,
  GUARD_RULES,
  type Guard,
  type GuardOptionsOf,
  type HttpPort,
  PASS,
  type ResponseOutcome,
  type Rules,
  refundAtEnd,
  type UnavailableDenial,
  unavailable,
} from "@sluice/core/http";
import { createDebouncer, DEBOUNCER_RULES, type Debouncer, type DebouncerOptions, type Sighting } from "./debouncer.js";
import { FINGERPRINT_RULES, type FingerprintOptions, fingerprintSource } from "./fingerprint-source.js";

/** The answer to duplicates: 409, or the option `statusCode`. */
export type DuplicateDenial = Denial<"duplicate", Sighting>;

/** Options of {@link once}. Those of `createDebouncer` apply only to a store, because a debouncer has its own. */
export interface OnceOptions<Req>
  extends Omit<DebouncerOptions, "store" | "window">,
    AnswerOptions<Req, Sighting>,
    FingerprintOptions<Req> {
  /** The time after the first request during which the same request is a duplicate. Default `"1s"`. */
  window?: DebouncerOptions["window"] | undefined;
  /**
   * Returns whether the same request may come again immediately, for example because it failed. Called when the response
   * has ended, but not if the client left early. Default: never.
   */
  forgetWhen?: ((outcome: ResponseOutcome, request: Req) => MaybePromise<boolean | undefined>) | undefined;
  /** The property of the request that holds the {@link Sighting}. Default `"debounce"`. */
  requestProperty?: string | undefined;
}

const { store: _store, ...OF_DEBOUNCER } = DEBOUNCER_RULES;

const RULES: Rules<OnceOptions<never>> = {
  ...OF_DEBOUNCER,
  ...ANSWER_RULES,
  ...FINGERPRINT_RULES,
  forgetWhen: "function",
  requestProperty: "any",
};

/**
 * A check that denies duplicates with 409: requests of one client with the same method, path, query and body within a
 * window. If the store fails it answers 503, unless the debouncer is `failOpen`. Its claim is decided together
 * with those of the guard's limits. So a duplicate is not charged, and a request over a limit opens no window.
 *
 * @param storeOrDebouncer a store for the windows, or a debouncer that other parts of the app use too
 * @throws SluiceError for any invalid option
 */
export function once<Req>(
  storeOrDebouncer: Store | Debouncer,
  options: OnceOptions<Req> = {},
): CheckSource<Req, DuplicateDenial | UnavailableDenial> {
  checkOptions(options, RULES, "once");
  const { fingerprint, methods, forgetWhen, requestProperty = "debounce", ...rest } = options;
  const { statusCode, type, title, message, ...own } = rest;
  const debouncer = debouncerOf(storeOrDebouncer, own);
  const deny = denier({ statusCode, type, title, message }, CONFLICT);

  return ({ port, warn }) => {
    const findFingerprint = fingerprintSource({ fingerprint, methods }, port, warn);
    const settlerOf =
      forgetWhen &&
      refundAtEnd(forgetWhen, warn, {
        option: "forgetWhen",
        code: "FORGET_FAILED",
        effect: "repeats of a request count as duplicates until its window ends",
      });
    return {
      name: "once",
      requestProperty,
      claims: ({ request, key }) =>
        after(findFingerprint(request), (found) =>
          found === undefined ? undefined : debouncer.join(clientOf(key), found),
        ),
      judge({ request }, { joining, decision }) {
        if (joining === undefined || decision === undefined) return PASS;
        if (decision.source === "failClosed") return unavailable();
        const found: Sighting = { duplicate: !decision.allowed, windowEndsInMs: decision.resetAfterMs };
        if (found.duplicate) return { found, deny: () => deny(request, found) };
        return { found, settle: settlerOf?.(request, () => joining.refund(decision)) };
      },
    };
  };
}

const CONFLICT = {
  reason: "duplicate",
  status: 409,
  title: "Conflict",
  detail: "The same request was received a moment ago.",
} as const;

function clientOf(key: LimiterKey): string {
  return typeof key === "object" && key !== null ? JSON.stringify(key) : key;
}

function debouncerOf(
  storeOrDebouncer: Store | Debouncer,
  own: Pick<OnceOptions<never>, keyof typeof OF_DEBOUNCER>,
): Debouncer {
  if (isDebouncer(storeOrDebouncer)) {
    expectNone({ ...own }, "be set in createDebouncer if you pass a debouncer");
    return storeOrDebouncer;
  }
  const { window = "1s" } = own;
  return createDebouncer({ ...own, window, store: storeOrDebouncer });
}

function isDebouncer(value: Store | Debouncer): value is Debouncer {
  return typeof (value as Partial<Debouncer> | undefined)?.seen === "function";
}

const { dryRun: _dryRun, refundWhen: _refundWhen, ...OF_GUARD } = GUARD_RULES;

/** Options of the middleware `debounce` in every framework: those of {@link once} and some of a guard. */
export interface DebounceGuardOptions<Req, Handler = never>
  extends OnceOptions<Req>,
    Omit<GuardOptionsOf<Req, Handler>, "dryRun" | "refundWhen"> {}

/**
 * Creates a guard with the single check {@link once}. For authors of adapters.
 *
 * @throws SluiceError for any invalid option
 */
export function createDebounceGuard<Req, Handler>(
  storeOrDebouncer: Store | Debouncer,
  options: DebounceGuardOptions<Req, Handler>,
  port: HttpPort<Req>,
): Guard<Req, Handler, DuplicateDenial | UnavailableDenial> {
  checkOptions(options, { ...RULES, ...OF_GUARD }, "debounce");
  const { key, skip, chargePreflight, ipv6Prefix, unusableAddress, hashKey, name, handler, ...own } = options;
  const guardOptions = { key, skip, chargePreflight, ipv6Prefix, unusableAddress, hashKey, name, handler };
  return createGuard([once(storeOrDebouncer, own)], guardOptions, port, "debounce");
}
