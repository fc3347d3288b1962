import { createRequire } from "node:module";
import { Command } from "commander";
import { addMoveCommand } from "./move/move-command.js";
import { report } from "./report.js";

/** Runs the command line tool, and resolves to the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  let status = 0;
  const sluice = new Command("sluice")
    .description("The command line of Sluice.")
    .version(createRequire(import.meta.url)("../package.json").version, "--version", "print the version")
    .helpOption("-h, --help", "print this")
    .helpCommand(false)
    // Errors are reported here because the parser's messages repeat arguments, which may be URLs with a password.
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  addMoveCommand(sluice, (ended) => {
    status = ended;
  });
  try {
    await sluice.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    return report(
      error,
      sluice.commands.map((command) => command.name()),
    );
  }
}
