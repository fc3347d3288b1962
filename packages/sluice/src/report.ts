import { SluiceError } from "@sluice/core";
import { CommanderError } from "commander";

const FAILED = 1;
const WRONG_ARGUMENTS = 2;

/** Invalid command line arguments. The message explains the problem. */
export class UsageError extends Error {}

/**
 * Writes an error to stderr, and returns the exit status.
 *
 * @param commands the names of all commands
 */
export function report(error: unknown, commands: readonly string[] = []): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const usage = usageProblem(error, commands);
  if (usage !== undefined) {
    process.stderr.write(`sluice: ${usage}\n\nRun sluice --help for more.\n`);
    return WRONG_ARGUMENTS;
  }
  const { message, code } = error as { message: string; code?: string };
  process.stderr.write(`sluice: ${message.replace(/^\[sluice\] /, "")} (${code ?? "STORE_FAILED"})\n`);
  return error instanceof SluiceError && error.code === "INVALID_STORAGE" ? WRONG_ARGUMENTS : FAILED;
}

/** The reason, if the error is about the arguments. Does not repeat arguments, which may be URLs with a password. */
function usageProblem(error: unknown, commands: readonly string[]): string | undefined {
  if (error instanceof UsageError) return error.message;
  if (!(error instanceof CommanderError)) return undefined;
  const known = `the commands are ${commands.join(", ")}`;
  switch (error.code) {
    case "commander.help":
      return `a command is missing: ${known}`;
    case "commander.unknownCommand":
      return `the first argument is an unknown command: ${known}`;
    case "commander.unknownOption":
      return `unknown option${/ '--?[\w-]+'/.exec(error.message)?.[0] ?? ""}`;
    default:
      return error.message.replace(/^error: /, "");
  }
}
