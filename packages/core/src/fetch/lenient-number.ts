import { httpDateMs, isoDateMs } from "./http-date.js";

/** A number as programs print it. */
const NUMBER = /^[+-]?(?:\d{1,15}(?:\.\d{0,40})?|\.\d{1,40})(?:e[+-]?\d{1,2})?$/i;

/** 15 digits are more than any limit. */
const MAX_NUMBER = 999_999_999_999_999;

/** An element of a list. The comma in a date, behind the day of the week, parts nothing. */
const ELEMENT = /"[^"]*"|\s*(?:[a-z]{3,9},)?[^,]+/gi;

/** `6m0s`, `1.5s` or `250ms`. */
const DURATION = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[dhms]))+$/;

const UNITS_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** A count of units. Less than nothing is nothing, and of a part of a unit nothing can be used. */
export function countOf(text: string | undefined): number | undefined {
  const number = numberOf(text);
  return number === undefined ? undefined : Math.max(0, Math.floor(number));
}

/** Seconds to go, as milliseconds. */
export function secondsMsOf(text: string | undefined): number | undefined {
  const number = numberOf(text);
  return number === undefined ? undefined : Math.max(0, Math.ceil(number * 1_000));
}

/** As {@link countOf}, of a field that no standard describes: in quotes too, and of a list the least. */
export function leniently(text: string | undefined): number | undefined {
  const counts = (text ?? "").split(",").map((part) => countOf(plain(part.split(";")[0] ?? "")));
  const known = counts.filter((found) => found !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/**
 * The time until a moment that is written as seconds to go, as seconds or milliseconds since 1970, as a date or a duration.
 * Of a list, as of a field that was sent twice, the longest.
 */
export function untilMs(text: string | undefined, nowMs: number): number | undefined {
  return longest(text, (element) => untilOneMs(element, nowMs));
}

/** The value that `read` returns for a text or, for a list, the largest value for its elements. */
export function longest(text: string | undefined, read: (element: string) => number | undefined): number | undefined {
  const known = (text?.match(ELEMENT) ?? []).map((one) => read(one.trim())).filter((found) => found !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function untilOneMs(text: string, nowMs: number): number | undefined {
  // A Date of structured fields (RFC 9651, section 3.3.7) is seconds since 1970.
  const moment = plain(text).replace(/^@/, "");
  const value = numberOf(moment);
  if (value === undefined) {
    const atMs = isoDateMs(moment) ?? httpDateMs(moment, nowMs);
    return atMs === undefined ? durationMs(moment) : Math.max(0, atMs - nowMs);
  }
  // No reset is 30 years away, nor was any before 1973.
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
