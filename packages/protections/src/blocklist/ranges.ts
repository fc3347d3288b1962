import { type Next, SluiceError } from "@sluice/core";
import { maskNetwork, type Network, parseNetwork } from "@sluice/core/http";
import { type BlockTerms, blockedBy, corrected, isLive, lifeOf, renewed, type StoredBlock } from "./entry.js";

/** All blocked ranges in one record, so that one read returns all of them. */
export type StoredRanges = readonly StoredBlock[];

/** The most ranges, and the most bytes of them: databases may limit records to 400 kB. */
const MOST_RANGES = 1_000;
const MOST_BYTES = 300_000;

/** The change that blocks a range. */
export function addRange(
  ranges: StoredRanges | undefined,
  key: string,
  terms: BlockTerms,
  nowMs: number,
): Next<StoredRanges> {
  const live = (ranges ?? []).map((range) => corrected(range, nowMs)).filter((range) => isLive(range, nowMs));
  const block = blockedBy(
    live.find(([other]) => other === key),
    key,
    terms,
    nowMs,
  );
  const state = [...live.filter(([other]) => other !== key), block];
  if (state.length > MOST_RANGES || new TextEncoder().encode(JSON.stringify(state)).length > MOST_BYTES) {
    throw new SluiceError(
      "BLOCKLIST_FULL",
      `the blocklist has ${live.length} ranges; the maximum is ${MOST_RANGES} with ${MOST_BYTES} bytes of keys and ` +
        "reasons: unblock some, or merge neighbours into larger ranges",
    );
  }
  return keep(state, nowMs);
}

/** The change that lifts the block of a range. Returns `undefined` if there is none. */
export function removeRange(
  ranges: StoredRanges | undefined,
  key: string,
  nowMs: number,
): Next<StoredRanges> | undefined {
  if (!ranges?.some(([other]) => other === key)) return undefined;
  return keep(
    ranges.filter(([other]) => other !== key),
    nowMs,
  );
}

/** The change that rewrites blocks before they expire. Returns `undefined` for a long time after each change. */
export function renewRanges(ranges: StoredRanges | undefined, nowMs: number): Next<StoredRanges> | undefined {
  const state = ranges?.map((range) => renewed(range, nowMs));
  return state === undefined || state.every((range, i) => range === ranges?.[i]) ? undefined : keep(state, nowMs);
}

function keep(state: StoredRanges, nowMs: number): Next<StoredRanges> {
  return { state, ttlMs: Math.max(1, ...state.map((range) => lifeOf(range, nowMs))) };
}

/** Finds the ranges that contain an address. The time it takes does not depend on the number of ranges. */
export interface RangeIndex {
  /** The block in force of the smallest range that contains the whole network. */
  find(network: Network, nowMs: number): StoredBlock | undefined;
}

/** Creates the index: for each prefix length, the blocks by their prefix bits. */
export function indexRanges(ranges: StoredRanges): RangeIndex {
  const byLength = new Map<string, { readonly network: Network; readonly blocks: Map<string, StoredBlock> }>();
  for (const range of ranges) {
    const network = parseNetwork(range[0]);
    if (network === undefined || network === "wrong") continue;
    const length = `${network.family} ${network.bits}`;
    const { blocks } = byLength.get(length) ?? { blocks: new Map<string, StoredBlock>() };
    byLength.set(length, { network, blocks: blocks.set(bitsOf(network), range) });
  }
  const longestFirst = [...byLength.values()].sort((a, b) => b.network.bits - a.network.bits);

  return {
    find(network, nowMs) {
      for (const { network: of, blocks } of longestFirst) {
        if (of.family !== network.family || of.bits > network.bits) continue;
        const found = blocks.get(bitsOf(maskNetwork({ ...network, bits: of.bits })));
        if (found !== undefined && isLive(found, nowMs)) return found;
      }
      return undefined;
    },
  };
}

function bitsOf({ groups }: Network): string {
  return String.fromCharCode(...groups);
}
