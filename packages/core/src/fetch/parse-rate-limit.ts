import { httpDateMs } from "./http-date.js";
import { countOf, leniently, longest, secondsMsOf, untilMs } from "./lenient-number.js";
import { type Member, readMembers } from "./members.js";

/** A limit that a server reports. Values that the server omits are `undefined`. */
export interface ReportedLimit {
  /** The policy's name. Drafts before 8 do not have one. */
  readonly name: string | undefined;
  /** The most units in the window. */
  readonly limit: number | undefined;
  readonly windowMs: number | undefined;
  /** The units left, for the time in `resetAfterMs`. */
  readonly remaining: number | undefined;
  readonly resetAfterMs: number | undefined;
}

/** The limits in the fields of a response. */
export interface RateLimitReport {
  readonly limits: readonly ReportedLimit[];
  /** The wait before the next request; `undefined` without a Retry-After field. */
  readonly retryAfterMs: number | undefined;
}

/** The fields of a response: a `Headers` object, or an object with names in lower case, as in Node.js. */
export type ResponseFields =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

type Field = (name: string) => string | undefined;

/**
 * Reads the limits that a server reports, and Retry-After. Supports the RateLimit fields of all versions of the IETF draft
 * since -06, including the planned parameter names; without them, reads `X-RateLimit-` fields. Accepts numbers and times in
 * all forms that servers send: with fractions, below zero, as dates. Never throws: unreadable values are ignored.
 *
 * @param nowMs the current time, with which dates are compared
 *
 * @example
 * ```ts
 * import { parseRateLimit } from "@sluice/core/fetch";
 *
 * const response = await fetch("https://api.example.com/");
 * const { limits, retryAfterMs } = parseRateLimit(response.headers);
 * for (const { name, remaining, resetAfterMs } of limits) console.log(name, remaining, resetAfterMs);
 * ```
 */
export function parseRateLimit(fields: ResponseFields, nowMs: number = Date.now()): RateLimitReport {
  const field: Field = (name) => {
    const value = isHeaders(fields) ? fields.get(name) : fields[name];
    return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : undefined;
  };
  const limits = named(field, nowMs) ?? draft7(field, nowMs) ?? draft6(field, nowMs) ?? legacy(field, nowMs) ?? [];
  return { limits, retryAfterMs: retryAfterMs(field("retry-after"), nowMs) };
}

function isHeaders(fields: ResponseFields): fields is { get(name: string): string | null | undefined } {
  return typeof fields.get === "function";
}

/** Drafts 8 and later: `"burst";q=100;w=60` and `"burst";r=50;t=30`, in a pending change `"burst";a=50;w=30`. */
function named(field: Field, nowMs: number): readonly ReportedLimit[] | undefined {
  const byName = (name: string) => (members(field, name) ?? []).filter((member) => member.name === undefined);
  const remainingOf = ({ params }: Member) => countOf(params.get("r") ?? params.get("a"));
  // An item without its required parameter says nothing.
  const states = byName("ratelimit").filter((member) => remainingOf(member) !== undefined);
  const policies = byName("ratelimit-policy").filter(({ params }) => countOf(params.get("q")) !== undefined);
  if (states.length + policies.length === 0) return undefined;
  const names = new Set([...policies, ...states].map(({ value }) => value));
  return [...names].map((name) => {
    const policy = policies.find(({ value }) => value === name)?.params;
    const state = states.find(({ value }) => value === name);
    return {
      name,
      limit: countOf(policy?.get("q")),
      windowMs: secondsMsOf(policy?.get("w")),
      remaining: state && remainingOf(state),
      resetAfterMs: momentMs(state?.params.get("t"), nowMs) ?? secondsMsOf(state?.params.get("w")),
    };
  });
}

/** Like `untilMs`, but rejects numbers in quotes. */
function momentMs(bare: string | undefined, nowMs: number): number | undefined {
  return bare !== undefined && /^"[^a-z:]*"$/i.test(bare) ? undefined : untilMs(bare, nowMs);
}

/** `limit=100, remaining=50, reset=5`, also with semicolons between them. */
function draft7(field: Field, nowMs: number): readonly ReportedLimit[] | undefined {
  const found = new Map(
    (members(field, "ratelimit") ?? []).flatMap(({ name, bare, params }) => [[name, bare] as const, ...params]),
  );
  if (!found.has("limit") && !found.has("remaining")) return undefined;
  const state = { remaining: leniently(found.get("remaining")), resetAfterMs: untilMs(found.get("reset"), nowMs) };
  return withPolicies(field, leniently(found.get("limit")), state);
}

function draft6(field: Field, nowMs: number): readonly ReportedLimit[] | undefined {
  const [first] = members(field, "ratelimit-limit") ?? [];
  const remaining = field("ratelimit-remaining");
  if (first === undefined && remaining === undefined) return undefined;
  const state = { remaining: leniently(remaining), resetAfterMs: untilMs(field("ratelimit-reset"), nowMs) };
  return withPolicies(field, leniently(first?.value), state);
}

/** The limit that is reported with its remaining units, and the others, which are only in the policy field. */
function withPolicies(
  field: Field,
  limit: number | undefined,
  state: Pick<ReportedLimit, "remaining" | "resetAfterMs">,
): ReportedLimit[] {
  const policies = (members(field, "ratelimit-policy") ?? []).map(({ bare, params }) => {
    return { name: undefined, limit: countOf(bare), windowMs: secondsMsOf(params.get("w")) };
  });
  const binding = policies.find((policy) => policy.limit === limit);
  const others = policies.filter((policy) => policy !== binding);
  return [
    { name: undefined, limit, windowMs: binding?.windowMs, ...state },
    ...others.map((policy) => ({ ...policy, remaining: undefined, resetAfterMs: undefined })),
  ];
}

function legacy(field: Field, nowMs: number): readonly ReportedLimit[] | undefined {
  const either = (what: string) => field(`x-ratelimit-${what}`) ?? field(`x-rate-limit-${what}`);
  const [limit, remaining, reset] = [either("limit"), either("remaining"), either("reset")];
  if (limit === undefined && remaining === undefined) return undefined;
  const resetAfterMs = untilMs(reset ?? either("reset-after"), nowMs);
  const state = { remaining: leniently(remaining), resetAfterMs };
  return [{ name: undefined, limit: leniently(limit), windowMs: undefined, ...state }];
}

function members(field: Field, name: string): readonly Member[] | undefined {
  const value = field(name);
  return value === undefined ? undefined : readMembers(value);
}

/**
 * The wait in a Retry-After field: seconds, also with a fraction, or the time until a date (RFC 9110, section 10.2.3). If
 * the field was sent more than once, the longest.
 */
function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  return longest(value, (text) => {
    if (/^\d{1,1000}(?:\.\d{0,1000})?$/.test(text)) {
      return Math.min(Math.ceil(Number(text) * 1_000), Number.MAX_SAFE_INTEGER);
    }
    const atMs = httpDateMs(text, nowMs);
    return atMs === undefined ? undefined : Math.max(0, atMs - nowMs);
  });
}
