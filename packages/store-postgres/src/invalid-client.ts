import { SluiceError } from "@sluice/core/store";

/** Values that are often passed instead of a client: how they are known, what they are, and what to pass. */
const MISTAKES: readonly (readonly [matches: (value: object) => boolean, what: string, fix: string])[] = [
  [(value) => isClass(value), "a class", 'create an instance, such as new Pool({ connectionString: "postgres://…" })'],
  [(value) => hasAll(value, "Pool", "Client"), "the module pg", "create a pool: new pg.Pool(…)"],
  [(value) => hasAll(value, "camel", "PostgresError"), "the module postgres", 'call it: postgres("postgres://…")'],
  [
    (value) => hasAll(value, "$client"),
    "an instance of Drizzle",
    "pass the client that it was created from: its $client",
  ],
  [(value) => hasAll(value, "$pool"), "a database of pg-promise", "pass its pool: its $pool"],
  [(value) => hasAll(value, "$queryRaw"), "a client of Prisma", "create a Pool of pg beside it"],
  [(value) => hasAll(value, "raw", "schema"), "an instance of Knex", "create a Pool of pg beside it"],
  [(value) => hasAll(value, "selectFrom"), "an instance of Kysely", "pass the Pool that its dialect was created with"],
  [(value) => hasAll(value, "query", "transaction"), "not a client of pg or postgres", "create a Pool of pg beside it"],
];

/** The error for a value that is not a client, with what to pass. */
export function invalidClient(value: unknown): SluiceError {
  const [what, fix] = mistake(value);
  return new SluiceError(
    "INVALID_CLIENT",
    `option "client" must be a Pool or a connected Client of pg, a client that postgres() returned, or SQL of Bun; got ` +
      `${what}. To fix it, ${fix}`,
  );
}

function mistake(value: unknown): readonly [what: string, fix: string] {
  if (typeof value === "string") return ["a string", "create a pool: new Pool({ connectionString })"];
  if (value === null || (typeof value !== "object" && typeof value !== "function")) {
    return [String(value), "create a Pool of pg and pass it"];
  }
  const known = MISTAKES.find(([matches]) => matches(value));
  if (known !== undefined) return [known[1], known[2]];
  const name: unknown = value.constructor?.name;
  return [
    typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object",
    "create a Pool of pg and pass it",
  ];
}

function hasAll(value: object, ...names: string[]): boolean {
  return names.every((name) => name in value);
}

function isClass(value: object): boolean {
  if (typeof value !== "function") return false;
  const prototype: unknown = value.prototype;
  return typeof prototype === "object" && prototype !== null && ("query" in prototype || "connect" in prototype);
}
