import { createRequire } from "node:module";
import { SluiceError } from "@sluice/core";
import { listable } from "../move/export-entries.js";
import type { MoveSummary } from "../move/import-entries.js";
import { migrate } from "../move/migrate.js";
import { MIGRATE_HINT, openStore } from "../storage/open-store.js";
import { redacting, shownSetting, tellable } from "../storage/secrets.js";
import { parseSetting } from "../storage/setting.js";
import { type Request, readArguments, UsageError } from "./arguments.js";
import { HELP } from "./help.js";
import { createProgress, type Progress } from "./progress.js";
import { type Move, summaryJson, summaryText } from "./summary.js";

const FAILED = 1;
const WRONG_ARGUMENTS = 2;

/** What a process ends with when a signal ended it: 128 and the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs the command line tool, and resolves to the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  let request: Request;
  try {
    request = readArguments(args, process.env);
  } catch (error) {
    return fail(error);
  }
  switch (request.kind) {
    case "help":
      process.stdout.write(HELP);
      return 0;
    case "version":
      process.stdout.write(`${createRequire(import.meta.url)("../../package.json").version}\n`);
      return 0;
    default:
      return move(request);
  }
}

async function move(request: Extract<Request, { kind: "migrate" }>): Promise<number> {
  const { dryRun, json } = request;
  const [from, to] = [parseSetting(request.from), parseSetting(request.to)];
  const abort = new AbortController();
  const stopListening = onSignal(abort);
  const startMs = performance.now();
  const progress = request.progress && !json && process.stderr.isTTY ? createProgress(process.stderr) : undefined;
  let counts: MoveSummary = { read: 0, written: 0, merged: 0, alreadyThere: 0, expired: 0, leftOut: {} };

  function tell(status: Move["status"], error?: { code: string; message: string }): void {
    progress?.end();
    const tookMs = performance.now() - startMs;
    const told = { status, from: shownSetting(from), to: shownSetting(to), dryRun, tookMs };
    process.stdout.write(json ? summaryJson(told, counts, error) : summaryText(told, counts));
  }

  try {
    await moveBetween(request, abort.signal, progress, (soFar) => {
      counts = soFar;
    });
    tell("done");
    return 0;
  } catch (error) {
    if (abort.signal.aborted) {
      tell("interrupted");
      process.stderr.write("Run the command again to go on.\n");
      return SIGNALS[abort.signal.reason as keyof typeof SIGNALS];
    }
    const message = tellable(error, redacting(from, to)).message.replace(MIGRATE_HINT, "for TO, give --create");
    const code = error instanceof SluiceError ? error.code : "STORE_FAILED";
    tell("failed", { code, message });
    return fail(Object.assign(new Error(message), { code }));
  } finally {
    stopListening();
  }
}

async function moveBetween(
  { from, to, dryRun, create }: Extract<Request, { kind: "migrate" }>,
  signal: AbortSignal,
  progress: Progress | undefined,
  onProgress: (soFar: MoveSummary) => void,
): Promise<void> {
  const source = await openStore(from);
  try {
    const target = await openStore(to, { migrate: create && !dryRun });
    try {
      let all: number | undefined;
      if (progress !== undefined) {
        let counted = 0;
        for await (const _ of listable(source, "FROM").exportEntries()) {
          signal.throwIfAborted();
          progress.show(++counted, undefined);
        }
        all = counted;
        progress.show(0, all);
      }
      const summary = await migrate(source, target, {
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

/** Ends the move after the page under way; a second signal ends the process as it would without this. */
function onSignal(abort: AbortController): () => void {
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  const stop = (name: NodeJS.Signals): void => {
    stopListening();
    process.stderr.write(`\nStopping after the page under way; press Ctrl-C again to stop at once.\n`);
    abort.abort(name);
  };
  const stopListening = (): void => {
    for (const name of names) process.removeListener(name, stop);
  };
  for (const name of names) process.on(name, stop);
  return stopListening;
}

function fail(error: unknown): number {
  const { message, code } = error as { message: string; code?: string };
  if (error instanceof UsageError) {
    process.stderr.write(`sluice: ${message}\n\nsluice --help tells more.\n`);
    return WRONG_ARGUMENTS;
  }
  process.stderr.write(`sluice: ${message.replace(/^\[sluice\] /, "")} (${code})\n`);
  return error instanceof SluiceError && error.code === "INVALID_STORAGE" ? WRONG_ARGUMENTS : FAILED;
}
