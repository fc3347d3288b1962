import {
  clientKey,
  type Decision,
  type LimiterKey,
  type LimiterOptions,
  type MaybePromise,
  SluiceError,
} from "@sluice/core";
import {
  type Answer,
  after,
  clientAddress,
  createGate,
  createGuard,
  GATE_OPTIONS,
  type GateOptions,
  type Guard,
  type GuardOptions,
  type Verdict,
} from "@sluice/core/http";
import { rejectUnknown } from "@sluice/core/store";
import type { BlockEntry } from "../blocklist/entry.js";
import type { Sighting } from "../debounce.js";
import type { Protections } from "../protections.js";
import { blockDenier, lookAll } from "./blocklist-guard.js";
import { checkFunctions } from "./check-functions.js";
import { duplicateDenier } from "./debounce-guard.js";
import { DENIAL_OPTIONS, type DenialOptions } from "./denial.js";
import { type FingerprintOptions, fingerprintSource } from "./fingerprint-source.js";
import { type JointKey, jointLimiter } from "./joint-limiter.js";
import type { ProtectionPort } from "./port.js";
import { createWarnings } from "./warnings.js";

/** What `protect` answers to a request that may not go on, and why. */
export interface ProtectDenial extends Answer {
  /** `"unavailable"`: the store did not answer. */
  readonly reason: "blocked" | "duplicate" | "limited" | "unavailable";
  readonly block: BlockEntry | undefined;
  readonly sighting: Sighting | undefined;
  readonly decision: Decision | undefined;
  /** The middleware's option `name`. */
  readonly name: string | undefined;
}

/**
 * Options of `protect`, in every framework: those of `rateLimit` with a limiter, and what a duplicate is. `statusCode`, `type`
 * and `message` are of the answer over a limit.
 */
export interface ProtectOptions<Req, Handler = never>
  extends Omit<GuardOptions<Req, Handler>, keyof LimiterOptions>,
    FingerprintOptions<Req> {
  /** What is answered to those who are blocked. */
  blocked?: Omit<DenialOptions<Req, BlockEntry>, "name"> | undefined;
  /** What is answered to duplicates. */
  duplicate?: Omit<DenialOptions<Req, Sighting>, "name"> | undefined;
}

type ProtectVerdict = Verdict<Decision | undefined, ProtectDenial>;

const OF_LIMITS = [
  "cost",
  "headers",
  "legacyReset",
  "unit",
  "statusCode",
  "type",
  "title",
  "refundWhen",
  "dryRun",
  "name",
] as const;

const OWN = ["fingerprint", "methods", "blocked", "duplicate", "message", "handler", "requestProperty"] as const;

/** What the look at the blocklist came to. */
type Looked = { readonly entry: BlockEntry | undefined } | { readonly error: unknown };

/**
 * Makes the guard of all protections together. Who is blocked is told 403, a duplicate 409, and a request over the limit
 * 429, in this order; 503 while the store fails. Debouncer and limits decide in one admission, and the blocklist is asked at
 * the same time where memory has no answer: what a blocked client was charged meanwhile is given back. For those who write
 * an adapter.
 *
 * @throws SluiceError for any option that is not what it should be
 */
export function createProtectGuard<Req, Handler>(
  protections: Protections,
  options: ProtectOptions<Req, Handler>,
  port: ProtectionPort<Req>,
): Guard<Req, Handler, Decision | undefined, ProtectDenial> {
  rejectUnknown(options, [...GATE_OPTIONS, ...OF_LIMITS, ...OWN], "protect");
  const { key, dryRun = false, name, message, handler, requestProperty = "rateLimit" } = options;
  checkFunctions({ handler });
  rejectUnknown(options.blocked ?? {}, DENIAL_OPTIONS, '"blocked"');
  rejectUnknown(options.duplicate ?? {}, DENIAL_OPTIONS, '"duplicate"');
  const { blocklist } = protections;
  const { limiter, duplicateOf } = jointLimiter(protections.limiter, protections.debouncer);
  const gate = createGate(picked(options, GATE_OPTIONS) as GateOptions<Req>, port, "protect");
  const findFingerprint = fingerprintSource(options, port, createWarnings(name));
  const blocks = blockDenier<Req>(options.blocked ?? {});
  const duplicates = duplicateDenier<Req>(options.duplicate ?? {});
  // The gate has found the key by then, and let through what is not looked at.
  const keys = new WeakMap<object, JointKey>();
  const limits = createGuard<Req, never>(
    limiter,
    {
      ...(picked(options, OF_LIMITS) as object),
      // A duplicate has an answer of its own.
      ...(typeof message === "function"
        ? { message: (request: Req, decision: Decision) => (duplicateOf(decision) ? "" : message(request, decision)) }
        : message !== undefined && { message }),
      key: (request) => keys.get(request as object) as unknown as LimiterKey,
      chargePreflight: true,
    },
    port,
    "protect",
  );

  /** Everything by which a client may be blocked: its whole address, and what the app calls it. */
  function namesOf(request: Req, found: LimiterKey): readonly string[] {
    const address = clientAddress(request, port);
    const own = key === undefined ? [] : typeof found === "string" ? [found] : Object.values(found);
    return [...new Set([...(isAddress(address) ? [address] : []), ...own])];
  }

  function admit(request: Req, found: LimiterKey): MaybePromise<ProtectVerdict> {
    return after(findFingerprint(request), (fingerprint) => {
      const client = typeof found === "string" ? found : JSON.stringify(found);
      keys.set(request as object, {
        limits: found,
        request: fingerprint === undefined ? undefined : [client, fingerprint],
      });
      return after(limits.check(request) as MaybePromise<Verdict>, (verdict) => explained(request, verdict));
    });
  }

  /** The verdict of the limits, with its reason, which may be another one. */
  function explained(request: Req, verdict: Verdict): MaybePromise<ProtectVerdict> {
    const { decision, rejection } = verdict;
    if (rejection === undefined) return { ...verdict, rejection };
    const sighting = duplicateOf(decision);
    if (sighting === undefined) {
      const reason = decision.source === "failClosed" ? "unavailable" : "limited";
      return { ...verdict, rejection: { ...rejection, reason, block: undefined, sighting } };
    }
    return after(duplicates.deny(request, sighting), ({ rejection: denial }) => ({
      ...verdict,
      rejection: { ...(denial as Answer), reason: "duplicate", block: undefined, sighting, decision, name },
    }));
  }

  function block(request: Req, entry: BlockEntry): MaybePromise<ProtectVerdict> {
    if (dryRun !== false) {
      const fields = dryRun === true ? [{ name: "Sluice-Dry-Run", value: "denied", append: true }] : [];
      return { decision: undefined, fields, rejection: undefined, settle: undefined };
    }
    return after(blocks.deny(request, entry), ({ fields, rejection }) => ({
      decision: undefined,
      fields,
      rejection: {
        ...(rejection as Answer),
        reason: "blocked",
        block: entry,
        sighting: undefined,
        decision: undefined,
        name,
      },
      settle: undefined,
    }));
  }

  function unavailable(): ProtectVerdict {
    const { fields, rejection } = blocks.unavailable();
    const reason = "unavailable";
    return {
      decision: undefined,
      fields,
      rejection: { ...(rejection as Answer), reason, block: undefined, sighting: undefined, decision: undefined, name },
      settle: undefined,
    };
  }

  function look(names: readonly string[]): MaybePromise<Looked> {
    try {
      const found = lookAll(blocklist, names);
      if (!(found instanceof Promise)) return { entry: found };
      return found.then(
        (entry) => ({ entry }),
        (error: unknown) => ({ error }),
      );
    } catch (error) {
      return { error };
    }
  }

  /** What was charged to somebody who is answered otherwise is given back. */
  async function instead(request: Req, admitted: ProtectVerdict, looked: Looked): Promise<ProtectVerdict> {
    if ("entry" in looked && looked.entry === undefined) return admitted;
    if ("error" in looked && admitted.rejection !== undefined) return admitted;
    // The answer is the same whether or not it can be given back: the store may be failing.
    if (admitted.decision?.allowed === true) await limiter.refund(admitted.decision).catch(() => {});
    return conclude(request, looked) as MaybePromise<ProtectVerdict>;
  }

  /** The verdict of the blocklist alone; `undefined` when it has none. */
  function conclude(request: Req, looked: Looked): MaybePromise<ProtectVerdict> | undefined {
    if ("entry" in looked) return looked.entry && block(request, looked.entry);
    if (looked.error instanceof SluiceError && looked.error.code.startsWith("STORE_")) return unavailable();
    throw looked.error;
  }

  return {
    check: (request) =>
      gate.enter(request, (found) => {
        const looking = look(namesOf(request, found));
        if (!(looking instanceof Promise)) return conclude(request, looking) ?? admit(request, found);
        const admitting = new Promise<ProtectVerdict>((resolve) => resolve(admit(request, found)));
        return Promise.all([admitting, looking]).then(([admitted, looked]) => instead(request, admitted, looked));
      }),
    handler,
    requestProperty,
  };
}

function picked(options: object, names: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}

/** Frameworks may give anything, such as an address with a port. */
function isAddress(address: string | undefined): address is string {
  if (address === undefined) return false;
  try {
    clientKey(address);
    return true;
  } catch {
    return false;
  }
}
