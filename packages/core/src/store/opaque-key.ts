/** Options of {@link opaqueKey}. */
export interface OpaqueKeyOptions {
  /** The longest text that is stored as it is, in UTF-16 code units. */
  maxLength: number;
  /** A collision-resistant digest of the string's UTF-16 code units, as printable text. */
  digest: (key: string) => string;
  /** Matches text that the database can't store. */
  refuse?: RegExp;
}

/**
 * The text under which a database that takes neither every length nor every string keeps a key. Two different keys
 * never get the same text: short, well-formed keys stand for themselves, and all others become `#` and a digest, as do
 * keys that start with `#`.
 */
export function opaqueKey(key: string, { maxLength, digest, refuse }: OpaqueKeyOptions): string {
  return isLiteral(key, maxLength) && !refuse?.test(key) ? key : `#${digest(key)}`;
}

/** Whether text can be stored as it is, and is not taken for a digest. */
export function isLiteral(text: string, maxLength: number): boolean {
  return text.length <= maxLength && !text.startsWith("#") && isWellFormed(text);
}

/** Lone surrogates have no UTF-8 form: an encoder makes the same replacement character of all of them. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
