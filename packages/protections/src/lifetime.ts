/** The longest that anything is kept, in milliseconds: what `parseDuration` takes at most, a little over four years. */
export const LONGEST_LIFE_MS: number = 2 ** 37;
