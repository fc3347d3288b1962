import { type MaybePromise, SluiceError, type Store } from "@sluice/core";
import {
  after,
  createGate,
  GATE_OPTIONS,
  type GateOptions,
  type Guard,
  type ResponseOutcome,
  type Settle,
  settleOnce,
} from "@sluice/core/http";
import { rejectUnknown } from "@sluice/core/store";
import { createDebouncer, type Debouncer, type DebouncerOptions, type Sighting } from "../debounce.js";
import { checkFunctions } from "./check-functions.js";
import { DENIAL_OPTIONS, type Denial, type DenialOptions, type DenialVerdict, type Denier, denier } from "./denial.js";
import { type FingerprintOptions, fingerprintSource } from "./fingerprint-source.js";
import { madeOrOf } from "./made-or-store.js";
import { orUnavailable } from "./or-unavailable.js";
import type { ProtectionPort } from "./port.js";
import { createWarnings } from "./warnings.js";

/** Options of `debounce`, in every framework. Those of `createDebouncer` are for a store; a debouncer has its own. */
export interface DebounceOptions<Req, Handler = never>
  extends Partial<Omit<DebouncerOptions, "store" | "window">>,
    Omit<GateOptions<Req>, "key" | "dryRun">,
    Omit<DenialOptions<Req, Sighting>, "name">,
    FingerprintOptions<Req> {
  /** How long after the first sight the same request is a duplicate. Default `"1s"`. */
  window?: DebouncerOptions["window"] | undefined;
  /** Who sent a request: the same from somebody else is no duplicate. Default: the client address. */
  key?: ((request: Req) => MaybePromise<string>) | undefined;
  /**
   * Whether the same request may come again at once, asked when the response is over, as for one that failed. Never asked
   * when the client left before the end. Default: never.
   */
  forgetWhen?: ((outcome: ResponseOutcome, request: Req) => MaybePromise<boolean | undefined>) | undefined;
  /** Answers duplicates, in place of the problem document. Status and fields are set already. */
  handler?: Handler | undefined;
  /** Where the {@link Sighting} is found on the request. Default `"debounce"`. */
  requestProperty?: string | undefined;
}

const FOR_STORES = ["window", "prefix", "failOpen", "timeout", "on", "clock"] as const;

const OWN_OPTIONS = ["fingerprint", "methods", "forgetWhen", "handler", "requestProperty"] as const;

/**
 * Makes the guard that answers duplicates with 409; with 503 while the store fails, unless the debouncer is `failOpen`. For
 * those who write an adapter.
 *
 * @throws SluiceError for any option that is not what it should be
 */
export function createDebounceGuard<Req, Handler>(
  storeOrDebouncer: Store | Debouncer,
  options: DebounceOptions<Req, Handler>,
  port: ProtectionPort<Req>,
): Guard<Req, Handler, Sighting | undefined, Denial<Sighting>> {
  const gateOptions = GATE_OPTIONS.filter((option) => option !== "dryRun");
  rejectUnknown(options, [...FOR_STORES, ...gateOptions, ...DENIAL_OPTIONS, ...OWN_OPTIONS], "debounce");
  const { handler, requestProperty = "debounce", forgetWhen } = options;
  checkFunctions({ handler, forgetWhen });
  const debouncer = madeOrOf<Debouncer>(storeOrDebouncer, "look", options, FOR_STORES, {
    name: "createDebouncer",
    make: (own) => createDebouncer({ window: "1s", ...own }),
  });
  const gate = createGate(options as GateOptions<Req>, port, "debounce");
  const warn = createWarnings(options.name);
  const findFingerprint = fingerprintSource(options, port, warn);
  const { deny, unavailable } = duplicateDenier(options);

  function settler(request: Req, key: string, fingerprint: string): Settle | undefined {
    if (forgetWhen === undefined) return undefined;
    return settleOnce(async (outcome) => {
      if (outcome.aborted) return;
      try {
        if ((await forgetWhen(outcome, request)) === true) await debouncer.forget(key, fingerprint);
      } catch (error) {
        // The answer has been sent, so there is nobody else to tell.
        const what = error instanceof SluiceError ? error.code : "forgetWhen threw";
        warn(
          "FORGET_FAILED",
          `a request that may come again at once stays a duplicate until its window ends: ${what}.`,
        );
      }
    });
  }

  function judge(request: Req, key: string, fingerprint: string): MaybePromise<DenialVerdict<Sighting>> {
    return orUnavailable(
      () => debouncer.look(key, fingerprint),
      (sighting): MaybePromise<DenialVerdict<Sighting>> => {
        if (sighting.duplicate) return deny(request, sighting);
        const settle = settler(request, key, fingerprint);
        return { decision: sighting, fields: [], rejection: undefined, settle };
      },
      unavailable,
    );
  }

  return {
    check: (request) =>
      gate.enter(request, (key) =>
        after(findFingerprint(request), (fingerprint) =>
          fingerprint === undefined ? undefined : judge(request, key as string, fingerprint),
        ),
      ),
    handler,
    requestProperty,
  };
}

/** Makes what is answered to duplicates. @throws SluiceError `INVALID_OPTION` */
export function duplicateDenier<Req>(options: DenialOptions<Req, Sighting>): Denier<Req, Sighting> {
  return denier<Req, Sighting>(options, {
    status: 409,
    title: "Conflict",
    detail: "The same request was received a moment ago.",
  });
}
