import { expectFunctions, invalidOption, SluiceError } from "../errors.js";
import type { LimiterKey } from "../limiter/claims.js";
import { decideTogether, type Joined, type Participant } from "../limiter/together.js";
import { after, isPromise, isPromiseLike, type MaybePromise } from "../maybe-promise.js";
import { rejectUnknown } from "../unknown-option.js";
import type { Denial, UnavailableDenial } from "./answer.js";
import {
  type Check,
  type CheckContext,
  type CheckSource,
  type DenialOf,
  type Identified,
  type Pass,
  type Refusal,
  unavailable,
} from "./check.js";
import type { HeaderField } from "./headers/field.js";
import { type IdentityOptions, identify } from "./identify.js";
import type { HttpPort } from "./port.js";
import { type RefundWhen, refundAtEnd, type Settle } from "./settle.js";
import { dryRunField, type Verdict } from "./verdict.js";
import { createWarn } from "./warnings.js";

/** Middleware without a framework. */
export interface Guard<Req, Handler, D extends Denial = Denial> {
  /**
   * Decides a request and charges it; at once when stores and options do. `undefined`: it is not checked. Throws or
   * rejects when a function among the options throws or returns an invalid value, and without a usable client address:
   * the framework's error handling has to answer then.
   */
  check(request: Req): MaybePromise<Verdict<D> | undefined>;
  /** Answers a denied request instead of the answer. */
  readonly handler: Handler | undefined;
  /** Where the app finds on the request what the checks found: see {@link Verdict}. */
  readonly properties: readonly string[];
}

/**
 * Options of a guard, in every framework.
 *
 * @typeParam Req what the functions are given: the framework's request, or its context
 * @typeParam Handler the function that answers denied requests, in the framework's own form
 */
export interface GuardOptionsOf<Req, Handler = never> extends IdentityOptions<Req> {
  /**
   * Whether all that a request was charged is refunded, asked when its response is over. Never asked for a request that was
   * denied or whose client left before the end.
   */
  refundWhen?: RefundWhen<Req> | undefined;
  /**
   * Decides, charges and reports, but lets everything through. The RateLimit fields are sent; `Retry-After` is not. With
   * `"marked"` the response has a field `Sluice-Dry-Run` that is `allowed` or `denied`. Default false.
   */
  dryRun?: boolean | "marked" | undefined;
  /** The name of this middleware in warnings and denials: 1 to 64 printable ASCII characters. */
  name?: string | undefined;
  /** Answers denied requests; status and fields are set already. Default: the problem document, or `message` of the check. */
  handler?: Handler | undefined;
}

/** The names of {@link GuardOptionsOf}. */
export const GUARD_OPTIONS: readonly (keyof GuardOptionsOf<never>)[] = [
  "key",
  "skip",
  "chargePreflight",
  "ipv6Prefix",
  "unusableAddress",
  "hashKey",
  "refundWhen",
  "dryRun",
  "name",
  "handler",
];

type Decide<Req, D extends Denial> = (request: Req, key: LimiterKey) => MaybePromise<Verdict<D>>;

/**
 * Creates a guard from checks: everything of a middleware but the framework. For authors of adapters.
 *
 * @param middleware the function that creates the middleware, for warnings
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { createGuard, limit } from "@sluice/core/http";
 * import { tokenBucket } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * interface Call {
 *   readonly verb: string;
 *   readonly from: string;
 *   readonly fields: Readonly<Record<string, string>>;
 * }
 *
 * const guard = createGuard([limit<Call>(memoryStore(), tokenBucket({ rate: 10 }))], {}, {
 *   method: (call: Call) => call.verb,
 *   header: (call, name) => call.fields[name],
 *   address: (call) => call.from,
 * });
 * const verdict = await guard.check({ verb: "GET", from: "192.0.2.1", fields: {} });
 * if (verdict?.denial !== undefined) console.log(verdict.denial.status);
 * ```
 */
export function createGuard<Req, Handler = never, Source extends CheckSource<Req> = CheckSource<Req>>(
  checks: readonly Source[],
  options: GuardOptionsOf<Req, Handler>,
  port: HttpPort<Req>,
  middleware?: string,
): Guard<Req, Handler, DenialOf<Source> | UnavailableDenial>;
export function createGuard<Req, Handler, D extends Denial>(
  checks: readonly CheckSource<Req, D>[],
  options: GuardOptionsOf<Req, Handler>,
  port: HttpPort<Req>,
  middleware = "guard",
): Guard<Req, Handler, D | UnavailableDenial> {
  rejectUnknown(options, GUARD_OPTIONS, middleware);
  if (!Array.isArray(checks) || checks.length === 0) {
    throw invalidOption("checks", checks, "give an array of checks, as in [limit(store)]");
  }
  expectFunctions({ refundWhen: options.refundWhen });
  const context = contextOf(options, port, middleware);
  const made = checks.map((check): Check<Req, D> => (typeof check === "function" ? check(context) : check));
  for (const check of made) {
    if (typeof check?.judge !== "function") throw invalidOption("checks", check, "a check has a name and judge");
  }
  const named = made.flatMap(({ requestProperty }) => (requestProperty === undefined ? [] : [requestProperty]));
  const properties = [...new Set(named)];
  const [only] = made;
  const alone = made.length === 1 && options.refundWhen === undefined ? only?.alone : undefined;
  const decide: Decide<Req, D | UnavailableDenial> = alone ?? pipeline(made, properties, options, context);
  const keyless = made.every((check) => check.keyless === true);
  return guardOf(options, context, middleware, keyless, decide, properties);
}

/** What the checks of a guard are told. @throws SluiceError `INVALID_OPTION` */
export function contextOf<Req>(
  options: GuardOptionsOf<Req, unknown>,
  port: HttpPort<Req>,
  middleware: string,
): CheckContext<Req> {
  const { dryRun = false, name, handler, key } = options;
  expectFunctions({ handler });
  if (typeof dryRun !== "boolean" && dryRun !== "marked") {
    throw invalidOption("dryRun", dryRun, 'give true, false or "marked"');
  }
  if (name !== undefined && (typeof name !== "string" || !/^[\x20-\x7e]{1,64}$/.test(name))) {
    throw invalidOption("name", name, "give 1 to 64 printable ASCII characters");
  }
  return { port, name, dryRun, hasKey: key !== undefined, warn: createWarn(middleware, name) };
}

/** The guard that decides the requests that it looks at by one function. */
export function guardOf<Req, Handler, D extends Denial>(
  options: GuardOptionsOf<Req, Handler>,
  context: CheckContext<Req>,
  middleware: string,
  keyless: boolean,
  decide: Decide<Req, D>,
  properties: readonly string[],
): Guard<Req, Handler, D> {
  const check = identify(options, context, middleware, keyless, decide);
  return { check, handler: options.handler, properties };
}

/** What a look came to. */
type Looked = { readonly value: unknown } | { readonly error: unknown };

/** What became of the claims of each check. */
interface Claimed {
  readonly joining: readonly (Participant | undefined)[];
  readonly joined: readonly (Joined | undefined)[];
}

/** The function that decides a request by several checks. */
function pipeline<Req, D extends Denial>(
  checks: readonly Check<Req, D>[],
  properties: readonly string[],
  options: GuardOptionsOf<Req, unknown>,
  { dryRun, name, warn }: CheckContext<Req>,
): Decide<Req, D | UnavailableDenial> {
  type Judged = Pass | Refusal<D | UnavailableDenial> | undefined;
  const places = checks.map(({ requestProperty }) => properties.indexOf(requestProperty ?? ""));
  const settlerOf =
    options.refundWhen &&
    refundAtEnd(options.refundWhen, warn, {
      option: "refundWhen",
      code: "REFUND_FAILED",
      effect: "a request was not refunded",
    });

  function lookOf(check: Check<Req, D>, who: Identified<Req>): MaybePromise<Looked> {
    try {
      const value: unknown = check.look?.(who);
      if (!isPromiseLike(value)) return { value };
      return Promise.resolve(value).then(
        (settled) => ({ value: settled }),
        (error: unknown) => ({ error }),
      );
    } catch (error) {
      return { error };
    }
  }

  function judge(i: number, who: Identified<Req>, looked: Looked, claimed: Claimed | undefined): Judged {
    const check = checks[i] as Check<Req, D>;
    const joining = claimed?.joining[i];
    const decision = claimed?.joined[i]?.decision;
    // Something else denies, so its claims were not decided.
    if (check.claims !== undefined && (claimed === undefined || (joining && !decision))) return undefined;
    if ("value" in looked) return check.judge(who, { looked: looked.value, joining, decision });
    if (looked.error instanceof SluiceError && looked.error.code.startsWith("STORE_")) return unavailable();
    throw looked.error;
  }

  /** Judges the checks that claim nothing and whose looks have been answered. */
  function judgeEarly(who: Identified<Req>, looks: readonly MaybePromise<Looked>[]): readonly Judged[] {
    return looks.map((looked, i) =>
      checks[i]?.claims === undefined && !isPromise(looked) ? judge(i, who, looked, undefined) : undefined,
    );
  }

  /** One check after the other, so that no function of the app fails unheard while another one is waited for. */
  function claim(
    who: Identified<Req>,
    joining: readonly (Participant | undefined)[] = [],
  ): MaybePromise<Claimed | undefined> {
    const check = checks[joining.length];
    if (check !== undefined) return after(check.claims?.(who), (next) => claim(who, [...joining, next]));
    const participants = joining.filter((one) => one !== undefined);
    return after(decideTogether(participants), (decided) => {
      const joined = joining.map((one) => one && decided[participants.indexOf(one)]);
      return { joining, joined };
    });
  }

  async function refund({ joining, joined }: Claimed): Promise<void> {
    await Promise.all(
      joined.map(async (one, i) => {
        if (one?.charged === true) await joining[i]?.refund(one.decision);
      }),
    );
  }

  function conclude(
    who: Identified<Req>,
    looked: readonly Looked[],
    early: readonly Judged[],
    claimed: Claimed | undefined,
  ): MaybePromise<Verdict<D | UnavailableDenial>> {
    // The answer is the same whether or not the charges can be refunded: the store may be failing.
    const unlessCharged = <T>(next: () => MaybePromise<T>): MaybePromise<T> =>
      claimed?.joined.some((one) => one?.charged === true) ? refund(claimed).then(next, next) : next();
    let judged: readonly Judged[];
    try {
      judged = looked.map((one, i) => early[i] ?? judge(i, who, one, claimed));
    } catch (error) {
      return unlessCharged(() => {
        throw error;
      });
    }
    const refusal = judged.find(isRefusal);
    const found = foundBy(judged);
    if (refusal === undefined) return { ...found, denial: undefined, settle: settleAll(who, judged, claimed) };
    if (dryRun !== false) return unlessCharged(() => ({ ...found, denial: undefined, settle: undefined }));
    return unlessCharged(() =>
      after(refusal.deny(), (denied) => {
        const denial = { ...denied, name };
        const fields = joinFields([...found.fields, ...denial.fields]);
        return { ...found, fields, denial, settle: undefined };
      }),
    );
  }

  function foundBy(judged: readonly Judged[]): Pick<Verdict, "found" | "others" | "fields"> {
    const values = new Array<unknown>(properties.length).fill(undefined);
    judged.forEach((one, i) => {
      const place = places[i] as number;
      if (place !== -1 && one?.found !== undefined) values[place] = one.found;
    });
    const fields = judged.flatMap((one) => one?.fields ?? []);
    const marks = dryRun === "marked" ? [dryRunField(!judged.some(isRefusal))] : [];
    return { found: values[0], others: values.slice(1), fields: joinFields([...fields, ...marks]) };
  }

  function settleAll(
    { request }: Identified<Req>,
    judged: readonly Judged[],
    claimed: Claimed | undefined,
  ): Settle | undefined {
    const settles = judged.flatMap((one) => (one === undefined || isRefusal(one) ? [] : (one.settle ?? [])));
    if (settlerOf !== undefined && claimed !== undefined) settles.push(settlerOf(request, () => refund(claimed)));
    if (settles.length <= 1) return settles[0];
    return async (outcome) => {
      await Promise.all(settles.map((settle) => settle(outcome)));
    };
  }

  return (request, key) => {
    const who = { request, key };
    const looks = checks.map((check) => lookOf(check, who));
    const early = judgeEarly(who, looks);
    // A second round trip for every client that memory does not know would cost more than refunds to the few that are denied.
    const claiming = early.some(isRefusal) ? undefined : claim(who);
    if (!looks.some((looked) => isPromise(looked))) {
      return after(claiming, (claimed) => conclude(who, looks as readonly Looked[], early, claimed));
    }
    return Promise.all([claiming, ...looks] as const).then(([claimed, ...looked]) =>
      conclude(who, looked, early, claimed),
    );
  };
}

function isRefusal<D extends Denial>(judged: Pass | Refusal<D> | undefined): judged is Refusal<D> {
  return judged !== undefined && "deny" in judged;
}

/** One field for each name: the values of lists joined, the last value of others. */
function joinFields(fields: readonly HeaderField[]): readonly HeaderField[] {
  const byName = new Map<string, HeaderField>();
  for (const field of fields) {
    const earlier = field.append ? byName.get(field.name) : undefined;
    byName.set(field.name, earlier === undefined ? field : { ...field, value: `${earlier.value}, ${field.value}` });
  }
  return [...byName.values()];
}
