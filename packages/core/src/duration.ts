import { invalidOption } from "./errors.js";

/** The units of a duration in words, in milliseconds. */
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A length of time: whole milliseconds as a number, or a whole number with a unit, as in `"250ms"`, `"10s"`, `"1m"`,
 * `"1h"` or `"1d"`. A space before the unit is allowed.
 */
export type Duration = number | `${number}${"" | " "}${"ms" | "s" | "m" | "h" | "d"}`;

/** 2^37 ms, a little over four years. With windows up to this length, all arithmetic on times stays exact below 2^53. */
export const MAX_DURATION_MS: number = 2 ** 37;

/**
 * Reads a {@link Duration} as whole milliseconds.
 *
 * @param option the name of the option in errors
 * @param maxMs the longest allowed, by default 2^37 ms
 * @throws SluiceError `INVALID_OPTION` unless the value is a whole number of milliseconds from 1 to `maxMs`
 *
 * @example
 * ```ts
 * import { parseDuration } from "@sluice/core";
 *
 * parseDuration("10s", "window"); // 10000
 * ```
 */
export function parseDuration(value: Duration, option: string, maxMs: number = MAX_DURATION_MS): number {
  const ms = typeof value === "string" ? wordsToMs(value) : value;
  if (!Number.isSafeInteger(ms) || ms < 1 || ms > maxMs) {
    throw invalidOption(option, value, `be whole milliseconds from 1 to ${maxMs}, or a string such as "250ms" or "1d"`);
  }
  return ms;
}

function wordsToMs(text: string): number {
  const [, count, unit] = /^(\d+) ?(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(count) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
}

/** Timers take 31 bits of milliseconds: a longer delay would end immediately. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;
