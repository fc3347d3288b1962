/** The number of visits to the keys before they start again. */
const VISITS = 2 ** 20;

const SEED = 20_260_101;

/** Returns this many client addresses. Each call creates new strings, as every request does on a real server. */
export function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => address(i));
}

/** A client address: a new string in one piece, as a socket returns it. */
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
