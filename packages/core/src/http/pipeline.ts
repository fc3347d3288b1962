import { SluiceError } from "../errors.js";
import type { LimiterKey } from "../limiter/claims.js";
import { decideTogether, type Joined, type Participant } from "../limiter/together.js";
import { after, isPromise, isPromiseLike, type MaybePromise } from "../maybe-promise.js";
import type { Denial, UnavailableDenial } from "./answer.js";
import { dryRunField, type Verdict } from "./answer.js";
import { type Check, type CheckContext, type Identified, type Pass, type Refusal, unavailable } from "./check.js";
import type { HeaderField } from "./headers/field.js";
import { type RefundWhen, refundAtEnd, type Settle } from "./settle.js";

/** Decides a request whose key is known. */
export type Decide<Req, D extends Denial> = (request: Req, key: LimiterKey) => MaybePromise<Verdict<D>>;

/** The result of a look. */
type Looked = { readonly value: unknown } | { readonly error: unknown };

/** The claims of each check, and their results. */
interface Claimed {
  readonly joining: readonly (Participant | undefined)[];
  readonly joined: readonly (Joined | undefined)[];
}

/**
 * Creates the function that decides a request by several checks: they look, one admission decides all their claims, and
 * they judge in order.
 *
 * @param properties the properties of the request that hold the results of the checks
 */
export function pipeline<Req, D extends Denial>(
  checks: readonly Check<Req, D>[],
  properties: readonly string[],
  refundWhen: RefundWhen<Req> | undefined,
  { dryRun, name, warn }: CheckContext<Req>,
): Decide<Req, D | UnavailableDenial> {
  type Judged = Pass | Refusal<D | UnavailableDenial> | undefined;
  const places = checks.map(({ requestProperty }) => properties.indexOf(requestProperty ?? ""));
  const settlerOf =
    refundWhen &&
    refundAtEnd(refundWhen, warn, {
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
    // Another check denies, so this check's claims were not decided.
    if (check.claims !== undefined && (claimed === undefined || (joining && !decision))) return undefined;
    if ("value" in looked) return check.judge(who, { looked: looked.value, joining, decision });
    if (looked.error instanceof SluiceError && looked.error.code.startsWith("STORE_")) return unavailable();
    throw looked.error;
  }

  /** Judges the checks that claim nothing and whose `look` has already answered. */
  function judgeEarly(who: Identified<Req>, looks: readonly MaybePromise<Looked>[]): readonly Judged[] {
    return looks.map((looked, i) =>
      checks[i]?.claims === undefined && !isPromise(looked) ? judge(i, who, looked, undefined) : undefined,
    );
  }

  /** Calls one check after the other. If two ran at once, an error of the second could go unhandled. */
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
    // The answer does not depend on whether the refunds succeed: the store may be failing.
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
    // Waiting for the other looks would cost a round trip for every client. Refunds are needed only for the few that are
    // denied.
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

/** Returns one field for each name. The values of lists are joined. Other fields keep their last value. */
function joinFields(fields: readonly HeaderField[]): readonly HeaderField[] {
  const byName = new Map<string, HeaderField>();
  for (const field of fields) {
    const earlier = field.append ? byName.get(field.name) : undefined;
    byName.set(field.name, earlier === undefined ? field : { ...field, value: `${earlier.value}, ${field.value}` });
  }
  return [...byName.values()];
}
