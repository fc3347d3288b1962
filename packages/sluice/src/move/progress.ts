import type { WriteStream } from "node:tty";
import cliProgress from "cli-progress";

const NUMBER = new Intl.NumberFormat("en");

/** One line on a terminal that shows the progress of a move. */
export interface Progress {
  /** @param all the number of all entries; `undefined` while they are counted */
  show(done: number, all: number | undefined): void;
  /** Removes the line. Nothing is shown after that. */
  end(): void;
}

/** The state of the move in addition to the numbers of the bar. */
interface Payload {
  readonly isCounting: boolean;
  /** The time since the work began. */
  readonly tookMs: number;
}

export function createProgress(terminal: WriteStream, clock: () => number = () => performance.now()): Progress {
  const bar = new cliProgress.SingleBar({
    stream: terminal,
    // A terminal may not report its columns.
    format: (options, params, payload) => lineOf(options, params, payload).slice(0, (terminal.columns || 80) - 1),
    barsize: 24,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    fps: 10,
    linewrap: true,
    clearOnComplete: true,
    // The command handles signals itself.
    gracefulExit: false,
  });
  let isStarted = false;
  let startMs: number | undefined;
  return {
    show(done, all) {
      const nowMs = clock();
      if (all !== undefined) startMs ??= nowMs;
      const payload: Payload = { isCounting: all === undefined, tookMs: nowMs - (startMs ?? nowMs) };
      if (!isStarted) {
        isStarted = true;
        bar.start(all ?? 0, done, payload);
        return;
      }
      bar.setTotal(all ?? 0);
      bar.update(done, payload);
    },
    end: () => bar.stop(),
  };
}

/** Entries that were added after the count must not make the progress exceed 100 %. */
function lineOf(
  options: cliProgress.Options,
  { progress, value, total }: cliProgress.Params,
  { isCounting, tookMs }: Payload,
): string {
  if (isCounting) return `counting: ${NUMBER.format(value)} entries`;
  const bar = cliProgress.Format.BarFormat(progress, options);
  const leftS = Math.ceil(((tookMs / progress) * (1 - progress)) / 1_000);
  const left = Number.isFinite(leftS) ? `, ${NUMBER.format(leftS)} s left` : "";
  return `${bar} ${Math.floor(progress * 100)} %  ${NUMBER.format(value)} of ${NUMBER.format(total)} entries${left}`;
}
