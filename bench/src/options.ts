import { resolve } from "node:path";
import { parseArgs } from "node:util";

/** The options of the command line. */
export interface Options {
  /** Their names. */
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

  --json FILE    also writes the numbers: one suite as an object, several as an array of them
  --rounds N     how often each case is measured
  --only TEXT    only the cases with this text in their id
  --quick        a smoke test: one short round, whose numbers mean nothing
  --profile DIR  each case's process leaves a CPU profile there`;
}

/** @throws Error that says what is wrong with the arguments */
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

/** npm and pnpm run scripts in the package's folder, and say where the user is. */
function fromUser(path: string): string {
  return resolve(process.env.INIT_CWD ?? ".", path);
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new Error(`${option} must be a whole number from 1, got ${JSON.stringify(text)}`);
  return Number(text);
}
