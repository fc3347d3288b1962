/** The visits to the keys, before they start anew. */
const VISITS = 2 ** 20;

const SEED = 20_260_101;

/** So many client addresses. Each call makes strings of its own, as every request brings its own to a real server. */
export function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => address(i));
}

/** A client address: a string of its own, in one piece, as a socket would give it. */
export function address(i: number): string {
  return Buffer.from(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`).toString("latin1");
}

/** Visits to these keys in a random order that is the same in every process and every run. */
export function randomVisits<K>(keys: readonly K[]): K[] {
  const random = mulberry32(SEED);
  return Array.from({ length: VISITS }, () => keys[Math.floor(random() * keys.length)] as K);
}

/** Mulberry32 by T. Ettinger: numbers from 0 up to 1. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
