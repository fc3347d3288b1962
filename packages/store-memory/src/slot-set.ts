const WORD_BITS = 5;
const BIT_MASK = 31;

/** A set of slots with one bit each. Finds the next member after any slot in a few steps, even if there are few members. */
export interface SlotSet {
  readonly size: number;
  has(slot: number): boolean;
  /** Does nothing if it is already a member. */
  add(slot: number): void;
  /** Does nothing if it is not a member. */
  delete(slot: number): void;
  /** The first member from `slot` on, or the first of all if none follows. -1 if the set is empty. */
  nextFrom(slot: number): number;
}

/** @param capacity the number of slots, which are numbered from 0 */
export function createSlotSet(capacity: number): SlotSet {
  /**
   * The first level has a bit for each slot. Each further level has a bit for each non-zero word of the level below. The
   * last is one word.
   */
  const levels: Int32Array[] = [];
  for (let bits = capacity; levels.length === 0 || bits > 1; ) {
    bits = Math.ceil(bits / (BIT_MASK + 1));
    levels.push(new Int32Array(bits));
  }
  const bottom = levels[0] as Int32Array;

  /** The first set bit at or after `from`. -1 if there is none. */
  function firstFrom(from: number): number {
    let at = from;
    for (let height = 0; height < levels.length; height++) {
      const words = levels[height] as Int32Array;
      const word = at >>> WORD_BITS;
      if (word >= words.length) return -1;
      const bits = (words[word] as number) & (-1 << (at & BIT_MASK));
      if (bits !== 0) return lowestBelow(height, (word << WORD_BITS) + lowestBit(bits));
      at = word + 1;
    }
    return -1;
  }

  /** The first slot under a bit of a level. */
  function lowestBelow(height: number, bit: number): number {
    let at = bit;
    for (let below = height - 1; below >= 0; below--) {
      at = (at << WORD_BITS) + lowestBit((levels[below] as Int32Array)[at] as number);
    }
    return at;
  }

  const set = {
    size: 0,

    has: (slot) => (((bottom[slot >>> WORD_BITS] as number) >>> (slot & BIT_MASK)) & 1) === 1,

    add(slot) {
      if (set.has(slot)) return;
      set.size++;
      let at = slot;
      for (const words of levels) {
        const word = at >>> WORD_BITS;
        const before = words[word] as number;
        words[word] = before | (1 << (at & BIT_MASK));
        if (before !== 0) return;
        at = word;
      }
    },

    delete(slot) {
      if (!set.has(slot)) return;
      set.size--;
      let at = slot;
      for (const words of levels) {
        const word = at >>> WORD_BITS;
        const after = (words[word] as number) & ~(1 << (at & BIT_MASK));
        words[word] = after;
        if (after !== 0) return;
        at = word;
      }
    },

    nextFrom(slot) {
      const next = firstFrom(slot);
      return next === -1 ? firstFrom(0) : next;
    },
  } satisfies SlotSet as SlotSet & { size: number };
  return set;
}

function lowestBit(bits: number): number {
  return BIT_MASK - Math.clz32(bits & -bits);
}
