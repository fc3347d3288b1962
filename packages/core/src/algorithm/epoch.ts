/*
 * A window's name is the millisecond in which it starts. Several windows of one key can start in the same millisecond, for
 * example after a reset. They are numbered in the bits above 2^45, which no clock reaches before the year 3084. So a refund
 * of an earlier charge never finds a later window.
 */
const ONE_MORE = 2 ** 45;
const ALL = 2 ** 53;

/** The time that is part of a window's name. */
export function timeOf(epochMs: number): number {
  return epochMs < ONE_MORE ? epochMs : epochMs % ONE_MORE;
}

/** The name of a window that starts at `nowMs` and follows the one named `previousMs`. */
export function epochAfter(previousMs: number, nowMs: number): number {
  if (timeOf(previousMs) !== nowMs) return nowMs;
  const next = previousMs + ONE_MORE;
  return next < ALL ? next : nowMs;
}

/** The value of `previousMs` from which {@link epochAfter} made a name. */
export function epochBefore(epochMs: number): number {
  return epochMs - ONE_MORE;
}
