/** A state as a row keeps it: see `v0001_entries.sql`. */
export interface RowValue {
  readonly blockedUntilMs: number;
  readonly cells: readonly number[] | null;
  readonly other: string | null;
}

/** Entries of whole numbers get columns of their own, in which decisions are made; anything else stays as it is. */
export function rowValueOf(state: unknown, text: string): RowValue {
  if (isCellEntry(state)) return { blockedUntilMs: state[1], cells: state[2], other: null };
  return { blockedUntilMs: 0, cells: null, other: text };
}

function isCellEntry(state: unknown): state is [1, number, number[] | null] {
  if (!Array.isArray(state) || state.length !== 3) return false;
  const [version, blockedUntilMs, cells] = state as unknown[];
  if (version !== 1 || !Number.isSafeInteger(blockedUntilMs)) return false;
  return cells === null || (Array.isArray(cells) && cells.every(Number.isSafeInteger));
}
