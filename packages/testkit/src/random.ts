/** Random numbers that are the same for the same seed. */
export interface Random {
  /** A whole number from 0 to `limit - 1`, for a limit up to 2^53. */
  below(limit: number): number;
  /** One of the items. */
  pick<T>(items: readonly [T, ...T[]]): T;
  /** True with this probability. */
  chance(probability: number): boolean;
}

/** Marsaglia's generator with 128 bits of state (G. Marsaglia, "Xorshift RNGs", 2003, section 4). */
export function randomFrom(seed: number): Random {
  let [x, y, z, w] = [seed | 0, 362436069, 521288629, 88675123];

  function next32(): number {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return w >>> 0;
  }

  // Skips the first numbers, which are similar for neighbouring seeds.
  for (let i = 0; i < 16; i++) next32();

  /** A number from 0 (included) to 1 (excluded), with all 53 bits of precision. */
  function fraction(): number {
    return ((next32() >>> 5) * 2 ** 26 + (next32() >>> 6)) / 2 ** 53;
  }

  return {
    below: (limit) => Math.floor(fraction() * limit),
    pick: (items) => items[Math.floor(fraction() * items.length)] ?? items[0],
    chance: (probability) => fraction() < probability,
  };
}

/** The seed of this run: the environment variable `SLUICE_SEED`, or a new one. */
export function seedOfRun(): number {
  const given = process.env.SLUICE_SEED;
  if (given === undefined || given === "") return Math.floor(Math.random() * 2 ** 31);
  const seed = Number(given);
  if (!Number.isSafeInteger(seed))
    throw new TypeError(`SLUICE_SEED must be a whole number, got ${JSON.stringify(given)}`);
  return seed;
}
