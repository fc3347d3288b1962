import type { RemoteForm, ReplyReader } from "./built-in-algorithm.js";
import type { CellAlgorithm } from "./cells.js";

/** Returns the next number of a reply. */
export function nextNumber(reply: ReplyReader): number {
  return reply.numbers[reply.at++] as number;
}

/** One array for all replies: its cells are judged before the next reply fills it. */
const cells: number[] = [];

/** Reads `count` numbers of a reply into the cells that the function returned by `cellJudge` judges. */
export function readCells(reply: ReplyReader, count: number): number[] {
  for (let i = 0; i < count; i++) cells[i] = nextNumber(reply);
  return cells;
}

/** Returns a function that judges the cells that were read last. */
export function cellJudge({ judge }: Pick<CellAlgorithm, "judge">): ReturnType<RemoteForm["read"]> {
  return (policy, nowMs, cost) => {
    const finding = {
      allowed: false,
      remaining: 0,
      retryAfterMs: undefined,
      resetAfterMs: 0,
      epochMs: 0,
      blocked: false,
    };
    judge(cells, 0, policy, nowMs, cost, finding);
    return finding;
  };
}
