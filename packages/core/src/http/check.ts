import type { LimiterKey } from "../limiter/claims.js";
import type { Decision } from "../limiter/decision.js";
import type { Participant } from "../limiter/together.js";
import type { MaybePromise } from "../maybe-promise.js";
import type { Verdict } from "./answer.js";
import { contentOf, type Denial, NO_STORE, problemOf, REDUCED_CAPACITY, type UnavailableDenial } from "./answer.js";
import type { HeaderField } from "./headers/field.js";
import type { HttpPort } from "./port.js";
import type { Settle } from "./settle.js";
import type { Warn } from "./warnings.js";

/** A request, and who sent it. */
export interface Identified<Req> {
  readonly request: Req;
  /** From the guard's option `key`, or the client address. Empty where all checks of the guard are `keyless`. */
  readonly key: LimiterKey;
}

/** The information that a check has about a request before it judges. */
export interface Answers<Looked = unknown, Joining extends Participant = Participant> {
  /** The result of `look`. */
  readonly looked: Looked;
  /** The result of `claims`. */
  readonly joining: Joining | undefined;
  /** The decision on the claims. `undefined` for a check that claims nothing. */
  readonly decision: Decision | undefined;
}

/** The verdict of a check on a request that may continue. */
export interface Pass {
  /** Set on the response, whatever it will be. */
  readonly fields?: readonly HeaderField[] | undefined;
  /** The value that the app finds on the request under the check's `requestProperty`. */
  readonly found?: unknown;
  /** Called when the response is over. Not called when another check denies the request. */
  readonly settle?: Settle | undefined;
}

/** The verdict of a check on a request that may not continue. */
export interface Refusal<D extends Denial = Denial> extends Omit<Pass, "settle"> {
  /** Creates the answer. Called only when no check before this one denies. */
  deny(): MaybePromise<D>;
}

/**
 * One question that a guard asks about a request. All looks run at the same time. All claims are decided in one
 * admission, which charges all of them or none. Then the checks judge in the order of the guard's list, and the first
 * that denies answers. See `docs/write-a-check.md`.
 *
 * @typeParam Req the framework's request, or its context
 * @typeParam D the argument of the guard's `handler` when this check denies
 * @typeParam Looked the result of `look`
 * @typeParam Joining what `claims` returns
 *
 * @example
 * ```ts
 * import { type Check, PASS, refuse } from "@sluice/core/http";
 *
 * const maintenance = { isOn: false };
 *
 * const open: Check<unknown> = {
 *   name: "maintenance",
 *   keyless: true,
 *   judge: () => (maintenance.isOn ? refuse({ reason: "maintenance", status: 503, detail: "Back at noon." }) : PASS),
 * };
 * ```
 */
export interface Check<Req, D extends Denial = Denial, Looked = unknown, Joining extends Participant = Participant> {
  readonly name: string;
  /** True if the check never reads `key`. A guard of such checks alone needs no client address. Default false. */
  readonly keyless?: boolean | undefined;
  /** The property of the request that holds the check's result. Default: none. */
  readonly requestProperty?: string | undefined;
  /**
   * Looks something up, in memory if possible. A `SluiceError` with a code `STORE_…` is answered with 503; other errors
   * go to the framework's error handling.
   */
  look?(who: Identified<Req>): MaybePromise<Looked>;
  /** The claims on quota, from `join` of a limiter. `undefined`: none for this request. */
  claims?(who: Identified<Req>): MaybePromise<Joining | undefined>;
  /**
   * Returns whether the request may continue. Not called if the check's claims were not decided because something else
   * denies.
   */
  judge(who: Identified<Req>, answers: Answers<Looked, Joining>): Pass | Refusal<D>;
  /** Decides a request in a guard that has no other check, in fewer steps than the guard would take. */
  alone?(request: Req, key: LimiterKey): MaybePromise<Verdict<D>>;
}

/** Passes, and has nothing to say. */
export const PASS: Pass = Object.freeze({});

/** The settings of a guard that its checks get when it is created. */
export interface CheckContext<Req> {
  readonly port: HttpPort<Req>;
  /** The guard's option `name`. */
  readonly name: string | undefined;
  /** True if the guard has an option `key`, so that its keys are not client addresses. */
  readonly hasKey: boolean;
  readonly dryRun: boolean | "marked";
  readonly warn: Warn;
}

/** A check, or the function that creates one for a guard. */
export type CheckSource<Req, D extends Denial = Denial, Looked = unknown, Joining extends Participant = Participant> =
  | Check<Req, D, Looked, Joining>
  | ((context: CheckContext<Req>) => Check<Req, D, Looked, Joining>);

/** The argument of a guard's `handler` when one of these checks denies. */
export type DenialOf<Source> = (Source extends (context: never) => infer Made ? Made : Source) extends {
  judge(...args: never): infer Judged;
}
  ? Judged extends { deny(): infer D }
    ? Awaited<D>
    : never
  : never;

/** The answer of a custom check. */
export interface RefuseOptions<Reason extends string = string, Found = undefined> {
  /** The check that denies, by which a `handler` distinguishes denials. */
  reason: Reason;
  /** The status: 400 to 599. */
  status: number;
  /** Of the problem document. */
  title?: string | undefined;
  /** The `detail` of the problem document: an explanation for people. */
  detail?: string | undefined;
  /** The body instead of a problem document. */
  message?: string | object | undefined;
  /** The result of the check, for a `handler` and the check's `requestProperty`. */
  found?: Found | undefined;
  /** Further fields of the response, such as `Retry-After`. */
  fields?: readonly HeaderField[] | undefined;
}

/** Denies a request in a custom check: with a problem document, or with `message`. */
export function refuse<Reason extends string, Found = undefined>(
  options: RefuseOptions<Reason, Found>,
): Refusal<Denial<Reason, Found | undefined>> {
  const { reason, status, title, detail, message, found, fields = [] } = options;
  return {
    found,
    deny: () => ({
      reason,
      found,
      status,
      ...(message === undefined ? problemOf({ type: "about:blank", title, status, detail }) : contentOf(message)),
      fields: [...fields, NO_STORE],
      name: undefined,
    }),
  };
}

/** Denies a request about which a store did not answer. */
export function unavailable(): Refusal<UnavailableDenial> {
  const content = problemOf(REDUCED_CAPACITY);
  return {
    deny: () => ({
      reason: "unavailable",
      found: undefined,
      status: 503,
      ...content,
      fields: [NO_STORE],
      name: undefined,
    }),
  };
}
