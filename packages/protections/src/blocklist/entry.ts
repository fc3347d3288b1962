import { type Duration, parseDuration } from "@sluice/core";
import { type BlockRecord, blockLifeMs, isLiveBlock, MAX_DURATION_MS } from "@sluice/core/kit";
import { checkOptions, type Rules } from "@sluice/core/store";

export { blockLifeMs as lifeOf, isLiveBlock as isLive };

/** Options of `block`. */
export interface BlockOptions {
  /** How long the block lasts. Default: until it is lifted. */
  for?: Duration | undefined;
  /** A note for operators: up to 256 characters. Never shown to the blocked client. */
  reason?: string | undefined;
}

/** The current state of a block. */
export interface BlockEntry {
  /**
   * The blocked address, network or key in its normalised spelling: `"192.0.2.1"`, `"2001:db8:1200::/56"`, `"10.0.0.0/8"`
   * or any other key.
   */
  readonly key: string;
  /** When the block began, in milliseconds since 1970 by the store's clock. */
  readonly sinceMs: number;
  /** When the block ends. `undefined` if it stays until it is lifted. */
  readonly untilMs: number | undefined;
  readonly reason: string | undefined;
}

/** A block in the form in which it is stored. Moves of state read this form too. */
export type StoredBlock = BlockRecord;

/** The arguments of `block`. */
export interface BlockTerms {
  readonly forMs: number | undefined;
  readonly reason: string | undefined;
}

const MAX_REASON = 256;

const RULES: Rules<BlockOptions> = {
  for: "any",
  reason: {
    is: (reason) => typeof reason === "string" && reason.length <= MAX_REASON,
    must: `be a string of up to ${MAX_REASON} characters`,
  },
};

/** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION` */
export function checkTerms(options: BlockOptions): BlockTerms {
  checkOptions(options, RULES, "block");
  const { for: duration, reason } = options;
  return { forMs: duration === undefined ? undefined : parseDuration(duration, "for"), reason };
}

/**
 * The block as read at `nowMs`, never longer than when it was written. If it was written in the future, the clock stepped
 * back, and the times are corrected. Otherwise returns the same object.
 */
export function corrected(block: StoredBlock, nowMs: number): StoredBlock {
  const [key, sinceMs, untilMs, reason, writtenMs] = block;
  if (writtenMs <= nowMs) return block;
  return [key, Math.min(sinceMs, nowMs), untilMs === null ? null : nowMs + untilMs - writtenMs, reason, nowMs];
}

/**
 * The block after a call of `block`. Blocks are never shortened, so the order of two calls does not matter. The newest
 * reason is kept.
 */
export function blockedBy(
  earlier: StoredBlock | undefined,
  key: string,
  { forMs, reason }: BlockTerms,
  nowMs: number,
): StoredBlock {
  const untilMs = forMs === undefined ? null : nowMs + forMs;
  const known = earlier && corrected(earlier, nowMs);
  if (known === undefined || !isLiveBlock(known, nowMs)) return [key, nowMs, untilMs, reason ?? null, nowMs];
  const [, sinceMs, earlierUntilMs, earlierReason] = known;
  const later = untilMs === null || earlierUntilMs === null ? null : Math.max(untilMs, earlierUntilMs);
  return [key, sinceMs, later, reason ?? earlierReason, nowMs];
}

/**
 * The block to write again if it was {@link corrected}, or if it has no end and would expire. Otherwise returns the same
 * object.
 */
export function renewed(block: StoredBlock, nowMs: number): StoredBlock {
  const [key, sinceMs, untilMs, reason, writtenMs] = block;
  if (untilMs === null && nowMs - writtenMs > MAX_DURATION_MS / 2) return [key, sinceMs, untilMs, reason, nowMs];
  return corrected(block, nowMs);
}

export function entryOf([key, sinceMs, untilMs, reason]: StoredBlock): BlockEntry {
  return { key, sinceMs, untilMs: untilMs ?? undefined, reason: reason ?? undefined };
}
