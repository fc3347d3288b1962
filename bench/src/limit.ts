/** More than any machine uses up on one key in a run, in a window that does not end during a run: every answer has to be "allowed". */
export const LIMIT = 1_000_000_000;
export const HOUR_MS = 3_600_000;
export const HOUR_S = 3_600;
