import { SluiceError } from "@sluice/core/store";

/** The parts of a store URL. */
export interface StoreUrl {
  readonly scheme: string;
  /** The original text. */
  readonly text: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** The hosts, without user and password. Empty for `sqlite:`. */
  readonly hosts: string;
  /** The path after the hosts, without the query. For `sqlite:`, the file. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Secrets that were passed outside the URL. */
  readonly secrets: readonly string[];
}

/** The form of a URL for each scheme. */
const SCHEMES: Readonly<Record<string, string>> = {
  memory: "memory:",
  redis: "redis://HOST:PORT/DB",
  rediss: "rediss://HOST:PORT/DB",
  "redis-cluster": "redis-cluster://HOST:PORT,HOST:PORT",
  "redis-sentinel": "redis-sentinel://HOST:PORT,HOST:PORT/MASTER",
  postgres: "postgres://HOST:PORT/DATABASE",
  postgresql: "postgresql://HOST:PORT/DATABASE",
  dynamodb: "dynamodb://TABLE?region=REGION",
  sqlite: "sqlite:FILE",
};

const SHAPE = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:([^/?#]*)@)?([^/?#@]*))?([^?]*)(?:\?(.*))?$/is;

/**
 * Parses a store URL. Messages contain only its scheme, because a malformed URL may hold a password anywhere.
 *
 * @throws SluiceError `INVALID_STORAGE`
 */
export function parseStoreUrl(storage: string): StoreUrl {
  if (typeof storage !== "string" || storage === "") {
    const found = storage === "" ? "an empty string" : `the type ${typeof storage}`;
    throw new SluiceError("INVALID_STORAGE", `the store URL must be a string such as ${examples()}, got ${found}`);
  }
  const [, given = "", credentials, hosts, rest = "", query = ""] = SHAPE.exec(storage.trim()) ?? [];
  const scheme = given.toLowerCase();
  if (!Object.hasOwn(SCHEMES, scheme)) throw unknownScheme(scheme, hosts !== undefined);
  const colon = credentials?.indexOf(":") ?? -1;
  const isFile = scheme === "sqlite";
  if (!isFile && `${hosts}${rest}${query}`.includes("@")) {
    const what =
      "has an @ in the wrong place; percent-encode special characters in a user name or password, an @ as %40";
    throw new SluiceError("INVALID_STORAGE", `the store URL "${scheme}:…" ${what}`);
  }
  return {
    scheme,
    text: storage.trim(),
    user: isFile ? undefined : decoded(colon === -1 ? credentials : credentials?.slice(0, colon)),
    password: isFile || colon === -1 ? undefined : decoded(credentials?.slice(colon + 1)),
    hosts: isFile ? "" : (hosts ?? ""),
    // Some users write `sqlite://file.db`. `sqlite:///var/file.db` is an absolute path.
    path: isFile ? `${credentials === undefined ? "" : `${credentials}@`}${hosts ?? ""}${rest}` : rest,
    query: new URLSearchParams(query),
    secrets: [],
  };
}

/** The error for a URL of a known scheme with a missing or invalid part. */
export function malformed({ scheme }: StoreUrl, what: string): SluiceError {
  return new SluiceError("INVALID_STORAGE", `the store URL "${scheme}:…" ${what}: its form is ${SCHEMES[scheme]}`);
}

/** @throws SluiceError `INVALID_STORAGE` for an unknown query parameter */
export function rejectUnknownQuery(url: StoreUrl, known: readonly string[]): void {
  const unknown = [...url.query.keys()].find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const all = known.length === 0 ? "none is known" : `known: ${known.join(", ")}`;
  // Not named in the message, because it may be a part of a password that was not encoded.
  throw malformed(url, `has an unknown query parameter (${all})`);
}

function examples(): string {
  return Object.values(SCHEMES).join(", ");
}

function unknownScheme(scheme: string, certain: boolean): SluiceError {
  const meant = Object.keys(SCHEMES).find((known) => isNear(scheme, known));
  const hint = meant === undefined ? `use one of ${examples()}` : `did you mean ${SCHEMES[meant]}?`;
  // Without the slashes the scheme may be a user, and the rest a password.
  const what = certain ? `has the unknown scheme "${scheme.slice(0, 20)}"` : "has no known scheme";
  return new SluiceError("INVALID_STORAGE", `the store URL ${what}: ${hint}`);
}

/** Names that other programs use, and typing errors. */
const ALIASES: Readonly<Record<string, string>> = {
  mem: "memory",
  pg: "postgres",
  pgsql: "postgres",
  psql: "postgres",
  valkey: "redis",
  tls: "rediss",
  cluster: "redis-cluster",
  sentinel: "redis-sentinel",
  ddb: "dynamodb",
  dynamo: "dynamodb",
  sqlite3: "sqlite",
  file: "sqlite",
};

function isNear(scheme: string, known: string): boolean {
  return ALIASES[scheme] === known || (scheme.length > 2 && oneEditApart(scheme, known));
}

/** Returns whether two words differ by one letter: missing, extra, wrong, or swapped with the next. */
function oneEditApart(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  return (
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    restA.slice(1) === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  );
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
