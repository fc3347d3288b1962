/** A state as a row keeps it: see `v0001_entries.sql` and `v0006_blocks.sql`. */
export interface RowValue {
  readonly blockedUntilMs: number;
  /** How long the block is; `null` if there is none, or it is not known. */
  readonly blockedForMs: number | null;
  readonly cells: readonly number[] | null;
  readonly other: string | null;
}

/**
 * Entries of whole numbers get columns of their own, in which decisions are made; anything else stays as it is. The length
 * of a block is kept apart, so that the release before reads the rest as it knows it.
 */
export function rowValueOf(state: unknown, text: string): RowValue {
  if (!isEntry(state)) return { blockedUntilMs: 0, blockedForMs: null, cells: null, other: text };
  const [version, blockedUntilMs, inner, blockedForMs = null] = state;
  if (isCells(inner)) return { blockedUntilMs, blockedForMs, cells: inner, other: null };
  const other = version === 1 ? text : JSON.stringify([1, blockedUntilMs, inner]);
  return { blockedUntilMs, blockedForMs, cells: null, other };
}

/** The state in a row, with the length of its block. */
export function stateOf(value: unknown, blockedForMs: number | null | undefined): unknown {
  if (typeof blockedForMs !== "number" || !Array.isArray(value)) return value;
  return [2, value[1], value[2], blockedForMs];
}

type StoredEntry = readonly [version: number, blockedUntilMs: number, inner: unknown, blockedForMs?: number];

function isEntry(state: unknown): state is StoredEntry {
  if (!Array.isArray(state) || state.length < 3 || !Number.isSafeInteger(state[1])) return false;
  return (
    (state[0] === 1 && state.length === 3) || (state[0] === 2 && state.length === 4 && Number.isSafeInteger(state[3]))
  );
}

function isCells(inner: unknown): inner is number[] | null {
  return inner === null || (Array.isArray(inner) && inner.every(Number.isSafeInteger));
}
