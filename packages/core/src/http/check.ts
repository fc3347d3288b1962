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

/** A request and its sender. */
export interface Identified<Req> {
  readonly request: Req;
  /** From the guard's option `key`, or the client address. Empty if all checks of the guard are `keyless`. */
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
  /** Fields that are set on the response, whatever its status. */
  readonly fields?: readonly HeaderField[] | undefined;
  /** The value that the app finds on the request under the check's `requestProperty`. */
  readonly found?: unknown;
  /** Called when the response has ended. Not called if another check denies the request. */
  readonly settle?: Settle | undefined;
}

/** The verdict of a check on a request that may not continue. */
export interface Refusal<D extends Denial = Denial> extends Omit<Pass, "settle"> {
  /** Creates the answer. Called only if no check before this one denies. */
  deny(): MaybePromise<D>;
}

/**
 * One question that a guard asks about a request. All calls of `look` run at the same time. All claims are decided in one
 * admission, which charges all of them or none. Then the checks judge in the order of the guard's list, and the first one
 * that denies supplies the answer. See `docs/write-a-check.md`.
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
  /** True if the check never reads `key`. A guard with only such checks needs no client address. Default false. */
  readonly keyless?: boolean | undefined;
  /** The property of the request that holds the check's result. Default: none. */
  readonly requestProperty?: string | undefined;
  /**
   * Looks something up, in memory if possible. If it fails with a `SluiceError` whose code starts with `STORE_`, the answer
   * is 503. Other errors go to the framework's error handling.
   */
  look?(who: Identified<Req>): MaybePromise<Looked>;
  /** The claims on quota, from `join` of a limiter. `undefined` if this request claims nothing. */
  claims?(who: Identified<Req>): MaybePromise<Joining | undefined>;
  /**
   * Returns whether the request may continue. Not called if another check denied before the claims of this one were
   * decided.
   */
  judge(who: Identified<Req>, answers: Answers<Looked, Joining>): Pass | Refusal<D>;
  /** Decides a request if the guard has no other check, in fewer steps than the guard would need. */
  alone?(request: Req, key: LimiterKey): MaybePromise<Verdict<D>>;
}

/** Passes, with no fields and no result. */
export const PASS: Pass = Object.freeze({});

/** The settings of a guard, passed to its checks when it is created. */
export interface CheckContext<Req> {
  readonly port: HttpPort<Req>;
  /** The guard's option `name`. */
  readonly name: string | undefined;
  /** True if the guard has an option `key`: its keys are then not client addresses. */
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
  /** The name of the check that denies. A `handler` distinguishes denials by it. */
  reason: Reason;
  /** The status: 400 to 599. */
  status: number;
  /** The `title` of the problem document. */
  title?: string | undefined;
  /** The `detail` of the problem document: an explanation for people. */
  detail?: string | undefined;
  /** Replaces the problem document as body. */
  message?: string | object | undefined;
  /** The result of the check, for a `handler` and the check's `requestProperty`. */
  found?: Found | undefined;
  /** Further fields of the response, such as `Retry-After`. */
  fields?: readonly HeaderField[] | undefined;
}

/** Denies a request in a custom check, with a problem document or with `message`. */
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

/** Denies a request because a store did not answer. */
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
