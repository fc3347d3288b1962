import { SluiceError } from "../errors.js";
import type { LimiterKey } from "../limiter/claims.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";

/** Returns the text to store for a key. The same key always gives the same text, and two keys never do. */
export type HashKey = (key: string) => MaybePromise<string>;

/** How many digests are remembered, and of how long keys. Hashing takes longer than a decision in memory. */
const MAX_KNOWN = 1_000;
const MAX_KNOWN_LENGTH = 256;

/**
 * For the option `hashKey`: hashes keys with HMAC-SHA-256 and returns base64url. Uses Web Cryptography, which all runtimes
 * have. Unlike a plain hash, it can't be reversed without the secret by trying all addresses.
 *
 * @param secret 16 characters or more; the same in every process that shares the store
 * @throws SluiceError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter, hmacKey } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const hashKey = hmacKey("a long random secret text");
 * const limiter = createLimiter({ store: memoryStore() });
 * await limiter.reset(await hashKey("192.0.2.1")); // as `rateLimit(limiter, { hashKey })` knows this client
 * ```
 */
export function hmacKey(secret: string): HashKey {
  if (typeof secret !== "string" || secret.length < 16) {
    // The secret must not appear in a log.
    throw new SluiceError("INVALID_OPTION", 'option "secret" must be a string of 16 characters or more');
  }
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const known = new Map<string, string>();
  let imported: Awaited<ReturnType<typeof crypto.subtle.importKey>> | undefined;

  async function digest(key: string): Promise<string> {
    // Keeps the imported key and not its promise: on Workers a promise ends with the request that created it.
    imported ??= await crypto.subtle.importKey("raw", codeUnits(secret), algorithm, false, ["sign"]);
    const text = base64url(new Uint8Array(await crypto.subtle.sign("HMAC", imported, codeUnits(key))));
    if (known.size >= MAX_KNOWN) known.clear();
    if (key.length <= MAX_KNOWN_LENGTH) known.set(key, text);
    return text;
  }

  return (key) => known.get(key) ?? digest(key);
}

/** Hashes each part of a key that identifies the client. Does not hash an invalid key, because the limiter rejects it. */
export function hashedKey(hash: HashKey, key: LimiterKey): MaybePromise<LimiterKey> {
  if (typeof key === "string") return key === "" ? key : hash(key);
  if (typeof key !== "object" || key === null || Array.isArray(key)) return key;
  const names = Object.keys(key);
  const isKey = (name: string) => typeof key[name] === "string" && key[name] !== "";
  if (!names.every(isKey)) return key;
  return after(Promise.all(names.map((name) => hash(key[name] as string))), (hashes) =>
    Object.fromEntries(names.map((name, i) => [name, hashes[i] as string])),
  );
}

/**
 * Returns the UTF-16 code units as bytes. Not UTF-8, in which all lone surrogates have the same bytes: keys must stay
 * different.
 */
function codeUnits(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit & 255;
    bytes[2 * i + 1] = unit >> 8;
  }
  return bytes;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
