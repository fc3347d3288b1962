/** How many operations lie between two looks at the clock where one of them takes less than a look. */
const STRIDE = 1_000;

/** Hands out the things to ask for, round and round. */
export type Sequence<T> = () => T;

/** Things in the given order, round and round. Their number has to be a power of two. */
export function cycle<T>(items: readonly T[]): Sequence<T> {
  const mask = items.length - 1;
  if ((items.length & mask) !== 0) throw new Error(`the number of items must be a power of two, got ${items.length}`);
  let at = 0;
  return () => items[at++ & mask] as T;
}

/** Operations a second of a function that answers at once. `isRight` sees every answer. */
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

/** Operations a second when each is awaited before the next one. */
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

/** Operations a second of a function that calls back, each started by the one before. */
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

/** Operations a second of several callers, each of which awaits one operation before it starts the next. */
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
  if (wrong > 0) throw new Error(`${wrong} of ${done} answers were not what they should be`);
  return (done * 1_000) / elapsedMs;
}
