/** So many tries follow each other as fast as the event loop turns: most locks are held for less than a millisecond. */
const TURNS = 2;

/** Resolves when everything else that was due has had its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015), 8 ms at most. */
export function pause(tries: number): Promise<void> {
  if (tries < TURNS) return nextTurn();
  return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(8, 2 ** (tries - TURNS))));
}
