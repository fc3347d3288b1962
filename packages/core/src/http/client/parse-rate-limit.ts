import { type Member, readMembers } from "./members.js";
import { retryAfterMs } from "./retry-after.js";

/** What a server tells of one of its limits. What it does not tell is `undefined`. */
export interface ReportedLimit {
  /** The policy's name, which drafts before 8 do not have. */
  readonly name: string | undefined;
  /** The most units in the window. */
  readonly limit: number | undefined;
  readonly windowMs: number | undefined;
  /** The units left, for the time in `resetAfterMs`. */
  readonly remaining: number | undefined;
  readonly resetAfterMs: number | undefined;
}

/** What the fields of a response tell. */
export interface RateLimitReport {
  readonly limits: readonly ReportedLimit[];
  /** How long to wait before the next request; `undefined` without a Retry-After field. */
  readonly retryAfterMs: number | undefined;
}

/** A response's fields: a `Headers` object, or an object with names in lower case, as Node.js has it. */
export type ResponseFields =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

type Field = (name: string) => string | undefined;

/**
 * Reads what a server tells of its limits: the RateLimit fields of the IETF draft in all versions since -06, with the
 * parameters as they are to be renamed too, or else `X-RateLimit-` fields; and Retry-After. Never throws: what can't be
 * read is as if it were not there.
 *
 * @param nowMs the time now, to which the forms with a date are compared
 *
 * @example
 * ```ts
 * import { parseRateLimit } from "@sluice/core";
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
  const limits = named(field) ?? draft7(field) ?? draft6(field) ?? legacy(field, nowMs) ?? [];
  return { limits, retryAfterMs: retryAfterMs(field("retry-after"), nowMs) };
}

function isHeaders(fields: ResponseFields): fields is { get(name: string): string | null | undefined } {
  return typeof fields.get === "function";
}

/** Drafts 8 and later: `"burst";q=100;w=60` and `"burst";r=50;t=30`, in a pending change `"burst";a=50;w=30`. */
function named(field: Field): readonly ReportedLimit[] | undefined {
  const byName = (name: string) => (members(field, name) ?? []).filter((member) => member.name === undefined);
  const states = byName("ratelimit");
  const policies = byName("ratelimit-policy").filter(({ params }) => params.has("q"));
  if (states.length + policies.length === 0) return undefined;
  const names = new Set([...policies, ...states].map(({ value }) => value));
  return [...names].map((name) => {
    const policy = policies.find(({ value }) => value === name)?.params;
    const state = states.find(({ value }) => value === name)?.params;
    return {
      name,
      limit: count(policy?.get("q")),
      windowMs: secondsMs(policy?.get("w")),
      remaining: count(state?.get("r") ?? state?.get("a")),
      resetAfterMs: secondsMs(state?.get("t") ?? state?.get("w")),
    };
  });
}

/** `limit=100, remaining=50, reset=5`. */
function draft7(field: Field): readonly ReportedLimit[] | undefined {
  const found = new Map((members(field, "ratelimit") ?? []).map(({ name, value }) => [name, value]));
  if (!found.has("limit") && !found.has("remaining")) return undefined;
  return withPolicies(field, count(found.get("limit")), found.get("remaining"), found.get("reset"));
}

function draft6(field: Field): readonly ReportedLimit[] | undefined {
  const [first] = members(field, "ratelimit-limit") ?? [];
  const remaining = field("ratelimit-remaining");
  if (first === undefined && remaining === undefined) return undefined;
  return withPolicies(field, count(first?.value), remaining, field("ratelimit-reset"));
}

/** The limit that binds, and the others of which only the policy field tells. */
function withPolicies(field: Field, limit: number | undefined, remaining?: string, reset?: string): ReportedLimit[] {
  const policies = (members(field, "ratelimit-policy") ?? []).map(({ value, params }) => {
    return { name: undefined, limit: count(value), windowMs: secondsMs(params.get("w")) };
  });
  const binding = policies.find((policy) => policy.limit === limit);
  const state = { remaining: count(remaining), resetAfterMs: secondsMs(reset) };
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
  const state = { remaining: count(remaining), resetAfterMs: legacyResetMs(reset, nowMs) };
  return [{ name: undefined, limit: count(limit), windowMs: undefined, ...state }];
}

/** Some say how many seconds are to go and some the moment, in seconds or milliseconds since 1970. */
function legacyResetMs(reset: string | undefined, nowMs: number): number | undefined {
  if (reset === undefined || !/^\d{1,15}(\.\d+)?$/.test(reset.trim())) return undefined;
  const value = Number(reset);
  if (value > 1e11) return Math.max(0, Math.ceil(value) - nowMs);
  return value > 1e9 ? Math.max(0, Math.ceil(value * 1_000) - nowMs) : Math.ceil(value * 1_000);
}

function members(field: Field, name: string): readonly Member[] | undefined {
  const value = field(name);
  return value === undefined ? undefined : readMembers(value);
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}

function secondsMs(text: string | undefined): number | undefined {
  const seconds = count(text);
  return seconds === undefined ? undefined : seconds * 1_000;
}
