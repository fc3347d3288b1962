import { MAX_DURATION_MS, type Merge, type StateMerge, stateMergeOf } from "@sluice/core/store";

/** An algorithm's own state. */
type State = readonly number[];

/** Merges the entries of an algorithm. The later block counts. */
function mergeEntries({ windowOf, join, untilOf }: StateMerge<State>): Merge {
  return ({ state: arriving, expiresAtMs }, there, nowMs) => {
    if (!isEntry(arriving) || !isEntry(there)) return undefined;
    const [, arrivingBlockMs, arrivingState] = arriving;
    const [, blockMs, state] = there;
    const windowMs = arrivingState === null ? undefined : windowOf(arrivingState, expiresAtMs);
    const window = { ms: Math.max(1, Math.ceil(windowMs ?? 1)), exact: arrivingBlockMs < expiresAtMs };
    const joined =
      arrivingState === null || windowMs === undefined
        ? state
        : state === null
          ? arrivingState
          : join(arrivingState, state, window, nowMs);
    const blockedUntilMs = Math.max(blockMs, arrivingBlockMs);
    if (isSame(joined, state) && blockedUntilMs <= Math.max(blockMs, nowMs)) return undefined;
    // How long the state in the target would still live is not known here. Too long does no harm.
    const untilMs = joined === null ? 0 : untilOf(joined, windowMs ?? MAX_DURATION_MS);
    const ttlMs = Math.max(1, Math.ceil(Math.max(untilMs, blockedUntilMs) - nowMs));
    const blockedForMs = lengthOfBlock([arriving, there], nowMs);
    return {
      state: blockedForMs === undefined ? [1, blockedUntilMs, joined] : [2, blockedUntilMs, joined, blockedForMs],
      ttlMs,
    };
  };
}

type LimitEntry =
  | readonly [version: 1, blockedUntilMs: number, state: State | null]
  | readonly [version: 2, blockedUntilMs: number, state: State | null, blockedForMs: number];

function isEntry(state: unknown): state is LimitEntry {
  if (!Array.isArray(state) || state.length !== state[0] + 2 || !Number.isSafeInteger(state[1])) return false;
  if (state[0] !== 1 && !(state[0] === 2 && Number.isSafeInteger(state[3]))) return false;
  const own: unknown = state[2];
  return own === null || (Array.isArray(own) && own.every(Number.isSafeInteger));
}

/** The longest of the blocks that last; `undefined` when there is none, or one whose length is not known. */
function lengthOfBlock(entries: readonly LimitEntry[], nowMs: number): number | undefined {
  const lasting = entries.filter(([, blockedUntilMs]) => blockedUntilMs > nowMs);
  const lengths = lasting.map((entry) => (entry[0] === 2 ? entry[3] : Number.NaN));
  const longest = Math.max(...lengths);
  return Number.isFinite(longest) ? longest : undefined;
}

function isSame(one: State | null, other: State | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((value, i) => value === other[i]);
}

/** How entries of an algorithm are merged; `undefined` for one that does not come with Sluice. */
export function mergeLimitOf(algorithm: string): Merge | undefined {
  const merge = stateMergeOf(algorithm);
  return merge && mergeEntries(merge as StateMerge<State>);
}
