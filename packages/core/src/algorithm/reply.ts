import type { RemoteForm, ReplyReader } from "./built-in-algorithm.js";
import type { CellAlgorithm } from "./cells.js";

/** The next number of a reply. */
export function nextNumber(reply: ReplyReader): number {
  return reply.numbers[reply.at++] as number;
}

/** Cells are read into this one array, and judged before it is filled again. */
const cells: number[] = [];

/** Reads `count` numbers of a reply into cells, which the judge of `cellJudge` then judges. */
export function readCells(reply: ReplyReader, count: number): number[] {
  for (let i = 0; i < count; i++) cells[i] = nextNumber(reply);
  return cells;
}

/** The judge of the cells that were read last. */
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
