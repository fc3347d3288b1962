/** The number of visits after which the sequence starts again. */
const VISITS = 2 ** 20;

const SEED = 20_260_101;

/** Returns `count` client addresses. Each call creates new strings, as each request does on a real server. */
export function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => address(i));
}

/** Returns a client address. It is a new flat string, as a socket returns it. */
export function address(i: number): string {
  return Buffer.from(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`).toString("latin1");
}

/** Visits to these keys, in a random order that is the same in every process and run. */
export function randomVisits<K>(keys: readonly K[]): K[] {
  const random = mulberry32(SEED);
  return Array.from({ length: VISITS }, () => keys[Math.floor(random() * keys.length)] as K);
}

/** Mulberry32 by T. Ettinger: returns numbers from 0 (included) to 1 (excluded). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
