import { helpUrl, invalidOption, SluiceError } from "./errors.js";

/**
 * Refuses anything but an object with the known options, so that a misspelt one is never silently without effect.
 *
 * @param of the function whose options these are
 * @param hints what to write instead of some options that do not exist
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function rejectUnknown(
  options: object,
  known: readonly string[],
  of: string,
  hints: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== "object" || options === null) {
    throw invalidOption("options", options, `${of} takes an object with ${known.join(", ")}`);
  }
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const meant = nearest(option, known);
    const hint =
      hints[option] ?? (meant === undefined ? `the options are ${known.join(", ")}.` : `did you mean "${meant}"?`);
    throw new SluiceError("UNKNOWN_OPTION", `${of} has no option "${option}": ${hint} See ${helpUrl("UNKNOWN_OPTION")}`);
  }
}

/** Names that are further away are other names. */
const MAX_DISTANCE = 3;

function nearest(word: string, known: readonly string[]): string | undefined {
  for (let most = 0; most <= MAX_DISTANCE && most < word.length; most++) {
    const found = known.find((candidate) => isWithin(word.toLowerCase(), candidate.toLowerCase(), most));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether so many insertions, deletions and replacements of a character are enough to make one word the other. */
function isWithin(a: string, b: string, most: number): boolean {
  if (most < 0) return false;
  if (a === "" || b === "") return a.length + b.length <= most;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return isWithin(restA, restB, most);
  return isWithin(restA, restB, most - 1) || isWithin(restA, b, most - 1) || isWithin(a, restB, most - 1);
}
