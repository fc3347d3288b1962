import { helpUrl, invalidOption, SluiceError } from "./errors.js";
import type { Store } from "./store/store.js";

/**
 * Throws for anything but an object with the known options, so that a misspelt one is never silently without effect.
 *
 * @param of the function whose options these are
 * @param hints what to write for some names that are not options
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function rejectUnknown(
  options: object,
  known: readonly string[],
  of: string,
  hints: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== "object" || options === null) {
    throw invalidOption("options", options, `of ${of} must be an object with ${known.join(", ")}`);
  }
  if (typeof (options as Partial<Store>).atomicUpdate === "function" && known.includes("store")) {
    throw invalidOption("options", options, `of ${of} must contain the store: write ${of}({ store })`);
  }
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const meant = nearest(option, known);
    const hint =
      hints[option] ??
      replacement(option, known, hints) ??
      (meant === undefined ? `the options are ${known.join(", ")}.` : `did you mean "${meant}"?`);
    throw new SluiceError(
      "UNKNOWN_OPTION",
      `${of} has no option "${option}": ${hint} See ${helpUrl("UNKNOWN_OPTION")}`,
    );
  }
}

const AMOUNT = "limit max points tokens rate ";
const TIME = "window windowMs duration interval ";
/** Our options as they are written, with the names that other libraries have for each. */
const REPLACEMENTS: readonly (readonly [ours: string, theirs: string])[] = [
  ["limit: 100", AMOUNT],
  ["rate: 100", AMOUNT],
  ['window: "1m"', TIME],
  ['interval: "1m"', TIME],
  ['policies: fixedWindow({ limit: 100, window: "1m" })', `${AMOUNT}${TIME}burst limiter`],
  ["store: memoryStore()", "db redis storeClient"],
  ["client: new Redis()", "sendCommand redis storeClient"],
  ["key: (request) => …", "keyGenerator id identifier"],
  ['headers: ["draft-8", "legacy"]', "standardHeaders legacyHeaders disableHeader"],
  ["refundWhen: ({ status }) => status < 400", "skipSuccessfulRequests"],
  ["refundWhen: ({ status }) => status >= 400", "skipFailedRequests"],
  ["requestProperty: …", "requestPropertyName"],
  ["failOpen: true", "passOnStoreError insuranceLimiter"],
  ["ipv6Prefix: …", "ipv6Subnet"],
  ["skip: (request) => …", "whitelist"],
  ["statusCode: …", "status"],
  ["message: …", "errorMessage"],
  ["autoBlock: escalatingBlock({ … })", "blockDuration"],
];

/** What to write for an option of another library; `undefined` where nothing does the same. */
function replacement(
  option: string,
  known: readonly string[],
  hints: Readonly<Record<string, string>>,
): string | undefined {
  for (const [ours, theirs] of REPLACEMENTS) {
    const name = ours.slice(0, ours.indexOf(":"));
    if (!theirs.split(" ").includes(option)) continue;
    if (name in hints) return hints[name];
    if (known.includes(name)) return `write ${ours}.`;
  }
  return undefined;
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
