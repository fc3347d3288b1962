import type { LimiterKey } from "../limiter/claims.js";
import type { Decision } from "../limiter/decision.js";
import type { Participant } from "../limiter/together.js";
import type { MaybePromise } from "../maybe-promise.js";
import {
  contentOf,
  type Denial,
  type Message,
  NO_STORE,
  problemOf,
  REDUCED_CAPACITY,
  type UnavailableDenial,
} from "./answer.js";
import type { HeaderField } from "./headers/field.js";
import type { HttpPort } from "./port.js";
import type { Settle } from "./settle.js";
import type { Verdict } from "./verdict.js";
import type { Warn } from "./warnings.js";

/** A request, and who sent it. */
export interface Identified<Req> {
  readonly request: Req;
  /** From the guard's option `key`, or the client address. Empty where all checks of the guard are `keyless`. */
  readonly key: LimiterKey;
}

/** What a check learned about a request before it judges. */
export interface Answers<Looked = unknown, Joining extends Participant = Participant> {
  /** What `look` returned. */
  readonly looked: Looked;
  /** What `claims` returned. */
  readonly joining: Joining | undefined;
  /** The decision on the claims. `undefined` for a check that claims nothing. */
  readonly decision: Decision | undefined;
}

/** What a check says of a request that may continue. */
export interface Pass {
  /** Set on the response, whatever it will be. */
  readonly fields?: readonly HeaderField[] | undefined;
  /** What the app finds on the request under the check's `requestProperty`. */
  readonly found?: unknown;
  /** Called when the response is over. Not called when another check denies the request. */
  readonly settle?: Settle | undefined;
}

/** What a check says of a request that may not continue. */
export interface Refusal<D extends Denial = Denial> extends Omit<Pass, "settle"> {
  /** Creates the answer. Called only when no check before this one denies. */
  deny(): MaybePromise<D>;
}

/**
 * One question that a guard asks about a request. All looks run at the same time; all claims are decided in one admission, in
 * which all are charged or none is; then the checks judge in the order of the guard's list. The first that denies answers.
 * See `docs/write-a-check.md`.
 *
 * @typeParam Req the framework's request, or its context
 * @typeParam D what `handler` of the guard is given when this check denies
 * @typeParam Looked what `look` finds
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
  /** Whether the check never reads `key`. A guard of such checks alone needs no client address. Default false. */
  readonly keyless?: boolean | undefined;
  /** Where the app finds what the check found on the request. Default: nowhere. */
  readonly requestProperty?: string | undefined;
  /**
   * Looks something up, in memory where possible. A `SluiceError` with a code `STORE_…` is answered with 503; other errors go to
   * the framework's error handling.
   */
  look?(who: Identified<Req>): MaybePromise<Looked>;
  /** The claims on quota, from `join` of a limiter. `undefined`: none for this request. */
  claims?(who: Identified<Req>): MaybePromise<Joining | undefined>;
  /** Whether the request may continue. Not called where the claims were not decided since something else denies. */
  judge(who: Identified<Req>, answers: Answers<Looked, Joining>): Pass | Refusal<D>;
  /** Decides a request in a guard that has no other check, in fewer steps than the guard would take. */
  alone?(request: Req, key: LimiterKey): MaybePromise<Verdict<D>>;
}

/** Passes, and has nothing to say. */
export const PASS: Pass = Object.freeze({});

/** What a guard tells its checks when it is created. */
export interface CheckContext<Req> {
  readonly port: HttpPort<Req>;
  /** The guard's option `name`. */
  readonly name: string | undefined;
  /** Whether the guard has an option `key`, so that its keys are not client addresses. */
  readonly hasKey: boolean;
  readonly dryRun: boolean | "marked";
  readonly warn: Warn;
}

/** A check, or the function that creates one for a guard. */
export type CheckSource<Req, D extends Denial = Denial, Looked = unknown, Joining extends Participant = Participant> =
  | Check<Req, D, Looked, Joining>
  | ((context: CheckContext<Req>) => Check<Req, D, Looked, Joining>);

/** What `handler` of a guard is given when one of these checks denies. */
export type DenialOf<Source> = (Source extends (context: never) => infer Made ? Made : Source) extends {
  judge(...args: never): infer Judged;
}
  ? Judged extends { deny(): infer D }
    ? Awaited<D>
    : never
  : never;

/** How a check of your own answers. */
export interface RefuseOptions<Reason extends string = string, Found = undefined> {
  /** Which check denies: what a `handler` distinguishes denials by. */
  reason: Reason;
  /** The status: 400 to 599. */
  status: number;
  /** Of the problem document. */
  title?: string | undefined;
  /** Of the problem document: what happened, for people. */
  detail?: string | undefined;
  /** The body instead of a problem document. */
  message?: Message | undefined;
  /** What the check found, for a `handler` and the check's `requestProperty`. */
  found?: Found | undefined;
  /** Further fields of the response, such as `Retry-After`. */
  fields?: readonly HeaderField[] | undefined;
}

/** Denies a request, in a check of your own: with a problem document, or with `message`. */
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
