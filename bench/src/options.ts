import { resolve } from "node:path";
import { parseArgs } from "node:util";

/** The command-line options. */
export interface Options {
  /** The names of the suites to run. */
  readonly suites: readonly string[];
  readonly jsonFile: string | undefined;
  readonly rounds: number | undefined;
  readonly quick: boolean;
  readonly only: string | undefined;
  readonly profileFolder: string | undefined;
}

export function usage(known: readonly string[]): string {
  return `Usage: bench [${known.join("|")}]... [options]

Without a suite, all of them run.

  --json FILE    also writes the numbers: an object for one suite, an array for several
  --rounds N     the number of measurements of each case
  --only TEXT    runs only the cases with this text in their id
  --quick        runs one short round as a smoke test, whose numbers mean nothing
  --profile DIR  writes a CPU profile of each case's process to this folder`;
}

/** @throws Error that names the invalid argument */
export function optionsOf(args: readonly string[], known: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "string" },
      rounds: { type: "string" },
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      profile: { type: "string" },
    },
  });
  const suites = positionals.length > 0 ? [...new Set(positionals)] : known;
  const stranger = suites.find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Error(`There is no suite ${JSON.stringify(stranger)}.`);
  const { json, rounds, quick, only, profile } = values;
  return {
    suites,
    jsonFile: json === undefined ? undefined : fromUser(json),
    rounds: rounds === undefined ? undefined : wholeNumber("--rounds", rounds),
    quick,
    only,
    profileFolder: profile === undefined ? undefined : fromUser(profile),
  };
}

/**
 * Resolves a path against the user's folder. npm and pnpm run scripts in the package's folder, and pass the user's
 * folder in `INIT_CWD`.
 */
function fromUser(path: string): string {
  return resolve(process.env.INIT_CWD ?? ".", path);
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new Error(`${option} must be a whole number from 1, got ${JSON.stringify(text)}`);
  return Number(text);
}
