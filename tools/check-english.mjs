// Fails when phrases that are hard to read are used more often than allowed. Run as:
// node tools/check-english.mjs [ROOT] [--list]
import { usesOf } from "./lib/english.mjs";
import { root as ownRoot } from "./lib/process.mjs";

/** The most uses that are allowed, of all patterns together. Lower it after you have removed some. */
const MOST = 25;

const [, , ...given] = process.argv;
const { files, uses } = usesOf(given.find((argument) => !argument.startsWith("--")) ?? ownRoot);
const total = uses.reduce((sum, { places }) => sum + places.length, 0);
if (total > MOST || given.includes("--list")) {
  for (const { name, instead, places } of uses) {
    if (places.length > 0) console.error(`${name} (${places.length}). Write: ${instead}\n  ${places.join("\n  ")}`);
  }
}
for (const { name, places } of uses) console.log(`${String(places.length).padStart(5)} ${name}`);
console.log(`${files} files: ${total} phrases to avoid, at most ${MOST}`);
process.exitCode = total > MOST ? 1 : 0;
