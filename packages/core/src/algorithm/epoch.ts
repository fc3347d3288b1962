/*
 * A window is named by the millisecond in which it starts. Windows of one key that start in the same millisecond, as
 * after a reset, are numbered in the bits above 2^45, which no clock reaches before the year 3084. So a refund of an
 * earlier charge never finds the window of a later one.
 */
const ONE_MORE = 2 ** 45;
const ALL = 2 ** 53;

/** The time in the name of a window. */
export function timeOf(epochMs: number): number {
  return epochMs < ONE_MORE ? epochMs : epochMs % ONE_MORE;
}

/** The name of a window that starts at `nowMs`, after the one named `previousMs`. */
export function epochAfter(previousMs: number, nowMs: number): number {
  if (timeOf(previousMs) !== nowMs) return nowMs;
  const next = previousMs + ONE_MORE;
  return next < ALL ? next : nowMs;
}

/** The argument of {@link epochAfter}: the previous name. */
export function epochBefore(epochMs: number): number {
  return epochMs - ONE_MORE;
}
