import { helpUrl, invalidOption, SluiceError } from "./errors.js";

/**
 * Refuses anything but an object with the known options, so that a misspelt one is never silently without effect.
 *
 * @param of the function whose options these are
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function rejectUnknown(options: object, known: readonly string[], of: string): void {
  if (typeof options !== "object" || options === null) {
    throw invalidOption("options", options, `${of} takes an object with ${known.join(", ")}`);
  }
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const meant = nearest(option, known);
    const hint = meant === undefined ? `the options are ${known.join(", ")}.` : `did you mean "${meant}"?`;
    const where = helpUrl("UNKNOWN_OPTION");
    throw new SluiceError("UNKNOWN_OPTION", `${of} has no option "${option}": ${hint} See ${where}`);
  }
}

function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= 3 && best.distance < word.length ? best.candidate : undefined;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substituted, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
