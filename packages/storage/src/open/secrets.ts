import { SluiceError } from "@sluice/core/store";
import { parseStoreUrl, type StoreUrl } from "./store-url.js";

/** Query parameters that may be shown. All others may be secrets. */
const HARMLESS: readonly string[] = ["region", "sslmode", "name"];

const HIDDEN = "***";

/**
 * Returns the URL of a store in a form for logs: user, password and unknown query parameters are `***`.
 *
 * @throws SluiceError `INVALID_STORAGE` for a URL that `openStore` can't read. The message contains no secret.
 *
 * @example
 * ```ts
 * import { redactUrl } from "@sluice/storage";
 *
 * redactUrl("postgres://ada:s3cret@10.0.0.2/app"); // "postgres://***@10.0.0.2/app"
 * ```
 */
export function redactUrl(url: string): string {
  return shownUrl(parseStoreUrl(url));
}

/** The URL with everything hidden that may be a secret. */
export function shownUrl({ scheme, user, password, hosts, path, query }: StoreUrl): string {
  const credentials = user === undefined && password === undefined ? "" : `${HIDDEN}@`;
  const start = scheme === "memory" || scheme === "sqlite" ? `${scheme}:` : `${scheme}://${credentials}`;
  const parameters = [...query].map(([name, value]) => `${name}=${shownParameter(name, value)}`);
  return `${start}${hosts}${path}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`;
}

function shownParameter(name: string, value: string): string {
  if (HARMLESS.includes(name)) return value;
  return name === "endpoint" && URL.canParse(value) ? new URL(value).origin : HIDDEN;
}

/** The secrets of a URL in all forms in which a library may repeat them, the longest first. */
export function secretsOf({ scheme, text, user, password, query, secrets }: StoreUrl): readonly string[] {
  // A file may have any name.
  if (scheme === "sqlite") return secrets;
  const values = [...query]
    .filter(([name]) => !HARMLESS.includes(name) && name !== "endpoint")
    .map(([, value]) => value);
  const credentials = [text, query.get("endpoint") ?? ""].flatMap((url) => {
    const [, both = ""] = /:\/\/([^/?#]*)@/.exec(url) ?? [];
    return [both, ...both.split(":")];
  });
  const all = [user ?? "", password ?? "", ...credentials, ...values, ...secrets].flatMap((one) => [
    one,
    encodeURIComponent(one),
  ]);
  return [...new Set(all)].filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
}

/** Names of options that hold secrets, and of objects that hold only secrets. */
const SECRET_OPTION = /user(name)?$|pass(word|phrase)$|^credentials$|key$|token$|secret/i;

/** The secrets among the options of a client: strings, at any depth. */
export function secretsIn(options: Readonly<Record<string, unknown>>, isSecret = false): readonly string[] {
  return Object.entries(options).flatMap(([name, value]): readonly string[] => {
    const secret = isSecret || SECRET_OPTION.test(name);
    if (typeof value === "string") return secret && value !== "" ? [value] : [];
    const isPlain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
    return isPlain ? secretsIn(value as Readonly<Record<string, unknown>>, secret) : [];
  });
}

/** Removes the secrets of a URL from a text. */
export type Redact = (text: string) => string;

/**
 * Creates the function that removes secrets from messages of libraries, because some repeat a password or the whole URL in
 * their errors. A user name that equals the database name, which is common with Postgres, stays visible in shown URLs and
 * in names of packages.
 */
export function redacting(url: StoreUrl): Redact {
  const shown = shownUrl(url);
  const kept = new RegExp(`(${literally(shown)}|@sluice/[a-z-]+)`);
  const patterns = secretsOf(url).map(patternOf);
  return (message) =>
    message
      .replaceAll(url.text, shown)
      .split(kept)
      .map((part, i) => (i % 2 === 1 ? part : patterns.reduce((left, pattern) => left.replace(pattern, HIDDEN), part)))
      .join("");
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A short secret is only hidden as a whole word. Otherwise little of a message would remain. */
function patternOf(secret: string): RegExp {
  const literal = literally(secret);
  return new RegExp(secret.length < 4 ? `(?<![A-Za-z0-9])${literal}(?![A-Za-z0-9])` : literal, "g");
}

/**
 * Copies the parts of an error that may be shown: its name, its code, and its message without secrets. Libraries put the
 * failed commands, and passwords with them, into other properties.
 */
export function tellable(error: unknown, redact: Redact): Error {
  const { name, message, code } = (error instanceof Error ? error : { message: String(error) }) as Partial<Error> & {
    code?: unknown;
  };
  // Several addresses of one host were tried. Only their errors have the reasons.
  const others = error instanceof AggregateError ? error.errors.map((one) => redact(String(one?.message ?? one))) : [];
  const shown = new Error(redact([message, ...others].filter((text) => text !== undefined && text !== "").join("; ")));
  if (typeof name === "string") shown.name = name;
  if (typeof code === "string" || typeof code === "number") Object.assign(shown, { code });
  // A new stack would be this function's, and the original stack starts with the message.
  shown.stack = `${shown.name}: ${shown.message}`;
  return shown;
}

/** An error of a store after it was opened. The same object if it contains no secret. */
export function withoutSecrets(error: unknown, redact: Redact): unknown {
  if (!mentions(error, redact, DEEPEST)) return error;
  if (!(error instanceof SluiceError)) return tellable(error, redact);
  const message = redact(error.message).replace(SLUICE, "");
  return new SluiceError(error.code, message, { cause: tellable(error.cause, redact) });
}

/** The start of the message of every `SluiceError`. */
export const SLUICE: RegExp = /^\[sluice\] /;

/** The greatest depth of a secret in an error: error, cause, command, its arguments, one argument. */
const DEEPEST = 5;

function mentions(value: unknown, redact: Redact, depth: number): boolean {
  if (typeof value === "string") return redact(value) !== value;
  if (typeof value !== "object" || value === null || depth === 0) return false;
  return Object.getOwnPropertyNames(value).some((name) =>
    mentions((value as Record<string, unknown>)[name], redact, depth - 1),
  );
}
