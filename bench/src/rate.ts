/** The number of operations between two reads of the clock, where one operation takes less time than a read. */
const STRIDE = 1_000;

/** Returns the next item, and starts again after the last. */
export type Sequence<T> = () => T;

/** Repeats the items in their order. Their number must be a power of two. */
export function cycle<T>(items: readonly T[]): Sequence<T> {
  const mask = items.length - 1;
  if ((items.length & mask) !== 0) throw new Error(`the number of items must be a power of two, got ${items.length}`);
  let at = 0;
  return () => items[at++ & mask] as T;
}

/** The rate of a synchronous function, in operations per second. `isRight` checks every result. */
export function synchronousRate<K, T>(
  durationMs: number,
  keys: Sequence<K>,
  operation: (key: K) => T,
  isRight: (answer: T) => boolean,
): number {
  const startMs = performance.now();
  let nowMs = startMs;
  let done = 0;
  let wrong = 0;
  while (nowMs - startMs < durationMs) {
    for (let i = 0; i < STRIDE; i++) {
      if (!isRight(operation(keys()))) wrong++;
    }
    done += STRIDE;
    nowMs = performance.now();
  }
  return rightRate(done, wrong, nowMs - startMs);
}

/** The rate if each operation is awaited before the next starts, in operations per second. */
export async function sequentialRate<K, T>(
  durationMs: number,
  keys: Sequence<K>,
  operation: (key: K) => Promise<T>,
  isRight: (answer: T) => boolean,
): Promise<number> {
  const startMs = performance.now();
  let nowMs = startMs;
  let done = 0;
  let wrong = 0;
  while (nowMs - startMs < durationMs) {
    for (let i = 0; i < STRIDE; i++) {
      if (!isRight(await operation(keys()))) wrong++;
    }
    done += STRIDE;
    nowMs = performance.now();
  }
  return rightRate(done, wrong, nowMs - startMs);
}

/**
 * The rate of a function that takes a callback, in operations per second. Each operation is started by the callback of
 * the one before.
 */
export function callbackRate<K>(
  durationMs: number,
  keys: Sequence<K>,
  operation: (key: K, next: (error?: unknown) => void) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    let done = 0;
    const next = (error?: unknown): void => {
      done++;
      const elapsedMs = done % STRIDE === 0 ? performance.now() - startMs : 0;
      if (error !== undefined) reject(error);
      else if (elapsedMs >= durationMs) resolve(rightRate(done, 0, elapsedMs));
      else operation(keys(), next);
    };
    operation(keys(), next);
  });
}

/**
 * The rate of several concurrent callers, in operations per second. Each caller awaits an operation before it starts
 * the next.
 */
export async function concurrentRate<K, T>(
  callers: number,
  durationMs: number,
  keys: Sequence<K>,
  operation: (key: K) => Promise<T>,
  isRight: (answer: T) => boolean,
): Promise<number> {
  const startMs = performance.now();
  let done = 0;
  let wrong = 0;
  const call = async (): Promise<void> => {
    while (performance.now() - startMs < durationMs) {
      if (!isRight(await operation(keys()))) wrong++;
      done++;
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return rightRate(done, wrong, performance.now() - startMs);
}

function rightRate(done: number, wrong: number, elapsedMs: number): number {
  if (wrong > 0) throw new Error(`${wrong} of ${done} results were wrong`);
  return (done * 1_000) / elapsedMs;
}
