import type { MoveSummary } from "@sluice/storage";

const NUMBER = new Intl.NumberFormat("en");

/** The outcome of a move. */
export type MoveStatus = "done" | "interrupted" | "failed";

/** The data of a move that its summary shows. */
export interface Move {
  readonly status: MoveStatus;
  /** The URL without secrets. */
  readonly from: string;
  readonly to: string;
  readonly dryRun: boolean;
  readonly tookMs: number;
}

/** Formats a summary for people. */
export function summaryText(move: Move, counts: MoveSummary): string {
  const { status, from, to, dryRun, tookMs } = move;
  const would = dryRun ? "would be " : "";
  const head = { done: dryRun ? "Dry run of" : "Moved", interrupted: "Interrupted moving", failed: "Failed moving" };
  const rows: (readonly [count: number, what: string])[] = [
    [counts.read, "entries read"],
    [counts.written, `${would}new in the target`],
    [counts.merged, `${would}merged, stricter than they were in the target`],
    [counts.alreadyThere, "already there"],
    [counts.expired, "expired in the meantime"],
    [counts.leftOut.DIGESTED_KEY ?? 0, "left out: DIGESTED_KEY, the target can't look them up"],
  ];
  const shown = rows.filter(([count], i) => i < 2 || count > 0).map(([count, what]) => [NUMBER.format(count), what]);
  const width = Math.max(...shown.map(([count = ""]) => count.length));
  const lines = shown.map(([count = "", what]) => `  ${count.padStart(width)} ${what}`);
  const seconds = (tookMs / 1_000).toFixed(1);
  return `${head[status]} ${from} to ${to} in ${seconds} s:\n${lines.join("\n")}\n`;
}

/** Formats a summary for programs. */
export function summaryJson(move: Move, counts: MoveSummary, error?: { code: string; message: string }): string {
  return `${JSON.stringify({ ...move, tookMs: Math.round(move.tookMs), ...counts, ...(error && { error }) })}\n`;
}
