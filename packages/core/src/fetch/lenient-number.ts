import { httpDateMs, isoDateMs } from "./http-date.js";

/** A number as programs print it. */
const NUMBER = /^[+-]?(?:\d{1,15}(?:\.\d{0,40})?|\.\d{1,40})(?:e[+-]?\d{1,2})?$/i;

/** 15 digits are enough for any limit. */
const MAX_NUMBER = 999_999_999_999_999;

/** An element of a list. The comma after the day of the week in a date does not separate elements. */
const ELEMENT = /"[^"]*"|\s*(?:[a-z]{3,9},)?[^,]+/gi;

/** `6m0s`, `1.5s` or `250ms`. */
const DURATION = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[dhms]))+$/;

const UNITS_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** A count of units. Negative numbers count as 0, and fractions are rounded down. */
export function countOf(text: string | undefined): number | undefined {
  const number = numberOf(text);
  return number === undefined ? undefined : Math.max(0, Math.floor(number));
}

/** Remaining seconds, as milliseconds. */
export function secondsMsOf(text: string | undefined): number | undefined {
  const number = numberOf(text);
  return number === undefined ? undefined : Math.max(0, Math.ceil(number * 1_000));
}

/** Like {@link countOf}, for fields without a standard. The number may be quoted. In a list, the smallest number counts. */
export function leniently(text: string | undefined): number | undefined {
  const counts = (text ?? "").split(",").map((part) => countOf(plain(part.split(";")[0] ?? "")));
  const known = counts.filter((found) => found !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/**
 * The time until a moment, which may be remaining seconds, seconds or milliseconds since 1970, a date or a duration. In a
 * list, which is also how repeated fields arrive, the longest time counts.
 */
export function untilMs(text: string | undefined, nowMs: number): number | undefined {
  return longest(text, (element) => untilOneMs(element, nowMs));
}

/** The value that `read` returns for a text. For a list, the largest value of its elements. */
export function longest(text: string | undefined, read: (element: string) => number | undefined): number | undefined {
  const known = (text?.match(ELEMENT) ?? []).map((one) => read(one.trim())).filter((found) => found !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function untilOneMs(text: string, nowMs: number): number | undefined {
  // A Date in structured fields (RFC 9651, section 3.3.7) is seconds since 1970.
  const moment = plain(text).replace(/^@/, "");
  const value = numberOf(moment);
  if (value === undefined) {
    const atMs = isoDateMs(moment) ?? httpDateMs(moment, nowMs);
    return atMs === undefined ? durationMs(moment) : Math.max(0, atMs - nowMs);
  }
  // No reset is 30 years ahead, and none was before 1973.
  if (value > 1e11) return Math.max(0, Math.ceil(value) - nowMs);
  return Math.max(0, value > 1e9 ? Math.ceil(value * 1_000) - nowMs : Math.ceil(value * 1_000));
}

function numberOf(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return NUMBER.test(trimmed) ? Math.min(Number(trimmed), MAX_NUMBER) : undefined;
}

function durationMs(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const parts = [...text.matchAll(/([\d.]+)(ms|[dhms])/g)];
  return Math.ceil(parts.reduce((sum, [, value, unit = ""]) => sum + Number(value) * (UNITS_MS[unit] ?? 0), 0));
}

function plain(text: string): string {
  return text
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .trim();
}
