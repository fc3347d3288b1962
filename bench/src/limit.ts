/**
 * A limit that no machine can use up on one key in a run, with a window longer than a run. So every request must be
 * allowed.
 */
export const LIMIT = 1_000_000_000;
export const HOUR_MS = 3_600_000;
export const HOUR_S = 3_600;
