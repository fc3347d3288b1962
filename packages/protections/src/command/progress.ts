import { clearLine, cursorTo } from "node:readline";
import type { WriteStream } from "node:tty";

const BAR = 24;
const REDRAW_MS = 100;
const NUMBER = new Intl.NumberFormat("en");

/** One line on a terminal that tells how far a move is. */
export interface Progress {
  /** @param all how many entries there are; `undefined` while they are counted */
  show(done: number, all: number | undefined): void;
  end(): void;
}

export function createProgress(terminal: WriteStream, clock: () => number = () => performance.now()): Progress {
  /** When the count was known, and the work began. */
  let startMs: number | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  return {
    show(done, all) {
      const nowMs = clock();
      if (all !== undefined) startMs ??= nowMs;
      if (nowMs - drawnMs < REDRAW_MS && done !== all) return;
      drawnMs = nowMs;
      cursorTo(terminal, 0);
      // Some terminals say that they have no columns.
      const columns = terminal.columns || 80;
      terminal.write(progressLine(done, all, nowMs - (startMs ?? nowMs)).slice(0, columns - 1));
      clearLine(terminal, 1);
    },
    end() {
      cursorTo(terminal, 0);
      clearLine(terminal, 0);
    },
  };
}

/** What stands on the line after a time. Entries that came since they were counted do not make it more than all. */
export function progressLine(done: number, all: number | undefined, tookMs: number): string {
  if (all === undefined) return `counting: ${NUMBER.format(done)} entries`;
  const share = all === 0 ? 1 : Math.min(1, done / all);
  const full = Math.floor(share * BAR);
  const bar = "█".repeat(full) + "░".repeat(BAR - full);
  const leftS = Math.ceil(((tookMs / share) * (1 - share)) / 1_000);
  const left = Number.isFinite(leftS) ? `, ${NUMBER.format(leftS)} s left` : "";
  return `${bar} ${Math.floor(share * 100)} %  ${NUMBER.format(done)} of ${NUMBER.format(all)} entries${left}`;
}
