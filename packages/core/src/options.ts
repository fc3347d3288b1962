import { helpUrl, invalidOption, SluiceError } from "./errors.js";

/** The values that an option may have. */
export type Rule =
  /** Any value: the code that uses the option checks it. */
  | "any"
  | "boolean"
  | "function"
  /** One of these. */
  | readonly (string | boolean)[]
  /** A whole number in a range. Default `max`: 2^53 - 1. */
  | { readonly min: number; readonly max?: number }
  /** Printable ASCII, up to a length. */
  | { readonly characters: number }
  /** Any other rule. `must` completes the sentence "option … must …". */
  | { is(value: unknown): boolean; readonly must: string };

/** A rule for each option of a function. Every option may also be `undefined`. */
export type Rules<Options = Readonly<Record<string, unknown>>> = { readonly [Name in keyof Options]-?: Rule };

/**
 * Checks that every option is known and that its rule allows its value. A misspelt option is thus never ignored.
 *
 * @param of the function that has these options
 * @param hints the replacements for some names that are not options
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { checkOptions } from "@sluice/core/store";
 *
 * checkOptions({ maxKeys: 100 }, { maxKeys: { min: 1 }, onEviction: "function" }, "myStore");
 * ```
 */
export function checkOptions(
  options: object,
  rules: Rules,
  of: string,
  hints: Readonly<Record<string, string>> = {},
): void {
  const known = Object.keys(rules);
  if (typeof options !== "object" || options === null) {
    throw invalidOption("options", options, `be an object with ${known.join(", ")}`);
  }
  if ("atomicUpdate" in options && known.includes("store")) {
    throw invalidOption("options", options, `contain the store: write ${of}({ store })`);
  }
  for (const [option, value] of Object.entries(options)) {
    if (!known.includes(option)) {
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
    if (value !== undefined) check(option, value, rules[option] as Rule);
  }
}

/**
 * Checks a value, and returns it if its rule allows it.
 *
 * @param option the name of the option in errors
 * @throws SluiceError `INVALID_OPTION`
 */
export function check<T>(option: string, value: T, rule: Rule): T {
  const must = broken(value, rule);
  if (must !== undefined) throw invalidOption(option, value, must);
  return value;
}

/** The rule in words, if the value breaks it. */
function broken(value: unknown, rule: Rule): string | undefined {
  if (typeof rule === "string") return rule === "any" || typeof value === rule ? undefined : `be a ${rule}`;
  if (isList(rule)) return rule.includes(value as string) ? undefined : `be one of ${rule.join(", ")}`;
  if ("is" in rule) return rule.is(value) ? undefined : rule.must;
  if ("characters" in rule) {
    const { characters } = rule;
    const fits = typeof value === "string" && value.length <= characters && /^[\x20-\x7e]+$/.test(value);
    return fits ? undefined : `be 1 to ${characters} printable ASCII characters`;
  }
  const { min, max = Number.MAX_SAFE_INTEGER } = rule;
  const fits = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
  return fits ? undefined : `be a whole number from ${min} to ${max}`;
}

function isList(rule: Rule): rule is readonly (string | boolean)[] {
  return Array.isArray(rule);
}

/**
 * Rejects options that would have no effect.
 *
 * @throws SluiceError `INVALID_OPTION`
 */
export function expectNone(options: object, must: string): void {
  for (const [option, value] of Object.entries(options)) {
    if (value !== undefined) throw invalidOption(option, value, must);
  }
}

const AMOUNT = "limit max points tokens rate ";
const TIME = "window windowMs duration interval ";
/** Our options as users write them, with the names that other libraries use for each. */
const REPLACEMENTS: readonly (readonly [ours: string, theirs: string])[] = [
  ["limit: 100", AMOUNT],
  ["rate: 100", AMOUNT],
  ['window: "1m"', TIME],
  ['interval: "1m"', TIME],
  ['policies: fixedWindow({ limit: 100, window: "1m" })', `${AMOUNT}${TIME}burst limiter`],
  ["store: memoryStore()", "db redis storeClient"],
  ["client: new Redis()", "sendCommand redis storeClient"],
  ["key: (request) => …", "keyGenerator id"],
  ['headers: ["draft-8", "legacy"]', "standardHeaders legacyHeaders disableHeader"],
  ["refundWhen: ({ status }) => status < 400", "skipSuccessfulRequests"],
  ["refundWhen: ({ status }) => status >= 400", "skipFailedRequests"],
  ["requestProperty: …", "requestPropertyName"],
  ["failOpen: true", "passOnStoreError"],
  ["fallback: memoryStore()", "insuranceLimiter"],
  ["ipv6Prefix: …", "ipv6Subnet"],
  ["skip: (request) => …", "whitelist"],
  ["statusCode: …", "status"],
  ["message: …", "errorMessage"],
  ["autoBlock: escalatingBlock({ … })", "blockDuration"],
];

/** The replacement for an option of another library; `undefined` if there is no equivalent. */
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

/** Names that differ more are not misspellings. */
const MAX_DISTANCE = 3;

function nearest(word: string, known: readonly string[]): string | undefined {
  for (let most = 0; most <= MAX_DISTANCE && most < word.length; most++) {
    const found = known.find((candidate) => isWithin(word.toLowerCase(), candidate.toLowerCase(), most));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns whether at most `most` insertions, deletions and replacements of a character turn one word into the other. */
function isWithin(a: string, b: string, most: number): boolean {
  if (most < 0) return false;
  if (a === "" || b === "") return a.length + b.length <= most;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return isWithin(restA, restB, most);
  return isWithin(restA, restB, most - 1) || isWithin(restA, b, most - 1) || isWithin(a, restB, most - 1);
}
