import { SluiceError } from "@sluice/core";
import { type MoveSummary, moveState, openStore, redactUrl } from "@sluice/storage";
import type { Command } from "commander";
import { report, UsageError } from "../report.js";
import { createProgress, type Progress } from "./progress.js";
import { type Move, summaryJson, summaryText } from "./summary.js";

/** The exit status of a process that a signal ended: 128 plus the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

type SignalName = keyof typeof SIGNALS;

const DESCRIPTION = `
Moves everything that the store FROM holds into the store TO: limits, blocks, clients and debounce windows, each with the rest
of its life. Nothing is removed from FROM. An entry that TO has already is merged, and the result is at least as strict as
either. So the command may run while both stores are in use, and may run again: after an interruption it continues, and when
everything has been moved it changes nothing.

FROM and TO are the URLs of stores:
  redis://user:password@host:6379/0   rediss://…   redis-cluster://host:6379,other:6379   redis-sentinel://host:26379/name
  postgres://user:password@host/database   dynamodb://table?region=eu-west-1   sqlite:file.db
or env:NAME for the value of an environment variable, which keeps passwords out of the list of processes.

Exit status: 0 done, 1 failed, 2 wrong arguments, 130 interrupted by Ctrl-C (143 by SIGTERM), after the current page.`;

interface Flags {
  readonly dryRun?: boolean;
  readonly create?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

/** A checked command line. */
interface MoveRequest extends Flags {
  readonly from: string;
  readonly to: string;
}

/**
 * Adds `sluice move` to the command line.
 *
 * @param end called with the exit status
 */
export function addMoveCommand(sluice: Command, end: (status: number) => void): void {
  sluice
    .command("move")
    .summary("move all state from one store to another")
    .argument("<FROM>", "URL of the store to move from")
    .argument("<TO>", "URL of the store to move to")
    .option("--dry-run", "write nothing, and report what would be done")
    .option("--create", "create the table in TO if it is missing")
    .option("--json", "print the summary as one line of JSON, and no progress")
    .option(
      "--no-progress",
      "show no progress. Progress is only shown on a terminal, and FROM is then read once more to count its entries",
    )
    .addHelpText("after", DESCRIPTION)
    .action(async (from: string, to: string, flags: Flags) => end(await move(readMove(from, to, flags, process.env))));
}

/** @throws UsageError; SluiceError `INVALID_STORAGE` */
function readMove(from: string, to: string, flags: Flags, env: NodeJS.ProcessEnv): MoveRequest {
  const [source, target] = [urlOf(from, "FROM", env), urlOf(to, "TO", env)];
  if (source === target) throw new UsageError("FROM and TO are the same store");
  return { ...flags, from: source, to: target };
}

function urlOf(given: string, place: string, env: NodeJS.ProcessEnv): string {
  const [, name] = /^env:(.*)$/s.exec(given) ?? [];
  const url = name === undefined ? given : env[name];
  if (url === undefined || url === "") {
    throw new UsageError(`${place} is the environment variable ${JSON.stringify(name)}, which is not set`);
  }
  const shown = redactUrl(url);
  if (shown === "memory:" || shown === "sqlite::memory:") {
    throw new SluiceError(
      "INVALID_STORAGE",
      `${place} is ${JSON.stringify(shown)}, which is the memory of this command: it is empty, and is lost when the command ends. ` +
        "A process moves its own memory with moveState() of @sluice/storage",
    );
  }
  return url;
}

async function move(request: MoveRequest): Promise<number> {
  const { dryRun = false, json = false } = request;
  const [from, to] = [redactUrl(request.from), redactUrl(request.to)];
  const startMs = performance.now();
  const progress = request.progress && !json && process.stderr.isTTY ? createProgress(process.stderr) : undefined;
  const abort = new AbortController();
  const stopListening = onSignal((name) => {
    progress?.end();
    process.stderr.write("\nStopping after the current page. Press Ctrl-C again to stop at once.\n");
    abort.abort(name);
  });
  let counts: MoveSummary = { read: 0, written: 0, merged: 0, alreadyThere: 0, expired: 0, leftOut: {} };

  function print(status: Move["status"], error?: { code: string; message: string }): void {
    progress?.end();
    const result: Move = { status, from, to, dryRun, tookMs: performance.now() - startMs };
    process.stdout.write(json ? summaryJson(result, counts, error) : summaryText(result, counts));
  }

  try {
    await moveBetween(request, abort.signal, progress, (soFar) => {
      counts = soFar;
    });
    print("done");
    return 0;
  } catch (error) {
    if (abort.signal.aborted) {
      print("interrupted");
      process.stderr.write("Run the command again to continue.\n");
      return SIGNALS[abort.signal.reason as SignalName];
    }
    const failure = described(error);
    print("failed", failure);
    return report(failure);
  } finally {
    stopListening();
  }
}

/**
 * Adapts an error to the command line. It contains no secret, because the stores that `openStore` returns guarantee that.
 */
function described(error: unknown): Error & { code: string } {
  const message = String((error as Partial<Error>).message ?? error);
  return Object.assign(new Error(message.replace("open it with createSchema: true", "for TO, pass --create")), {
    code: error instanceof SluiceError ? error.code : "STORE_FAILED",
  });
}

async function moveBetween(
  { from, to, dryRun = false, create = false }: MoveRequest,
  signal: AbortSignal,
  progress: Progress | undefined,
  onProgress: (soFar: MoveSummary) => void,
): Promise<void> {
  const source = await openStore(from);
  try {
    const target = await openStore(to, { createSchema: create && !dryRun });
    try {
      let all: number | undefined;
      if (progress !== undefined) {
        let counted = 0;
        for await (const _ of source.exportEntries()) {
          signal.throwIfAborted();
          progress.show(++counted, undefined);
        }
        all = counted;
        progress.show(0, all);
      }
      const summary = await moveState(source, target, {
        dryRun,
        signal,
        onProgress(soFar) {
          onProgress(soFar);
          progress?.show(soFar.read, all);
        },
      });
      onProgress(summary);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Calls `stop` for the first signal. A second one ends the process immediately. */
function onSignal(stop: (name: SignalName) => void): () => void {
  const names = Object.keys(SIGNALS) as SignalName[];
  const listener = (name: NodeJS.Signals): void => {
    stopListening();
    stop(name as SignalName);
  };
  const stopListening = (): void => {
    for (const name of names) process.removeListener(name, listener);
  };
  for (const name of names) process.on(name, listener);
  return stopListening;
}
