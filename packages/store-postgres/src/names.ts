import { invalidOption } from "@sluice/core/store";

/** Where the entries are: see {@link PostgresStoreOptions}. */
export interface NameOptions {
  table?: string | undefined;
  schema?: string | undefined;
}

/** A schema of its own: hosts publish what lies in `public` to clients of the database. */
const DEFAULT_SCHEMA = "sluice";

/** Names in the database end at 63 bytes, and the functions' names begin with the table's. */
const LONGEST_TABLE = 40;
const LONGEST_NAME = 63;

/**
 * Returns a function that makes SQL written for the table `"sluice"."entries"` work on another one, and on the functions and
 * tables whose names begin with its name.
 *
 * @throws SluiceError `INVALID_OPTION` for a name that is not a plain identifier
 */
export function renamer(options: NameOptions): (sql: string) => string {
  const { table, schema } = namesOf(options);
  checkName("table", table, LONGEST_TABLE);
  checkName("schema", schema, LONGEST_NAME);
  return (sql) =>
    sql.replace(/"sluice"(?:\."entries(\w*)")?/g, (_, ending?: string) =>
      ending === undefined ? `"${schema}"` : `"${schema}"."${table}${ending}"`,
    );
}

/** The names, with their defaults. */
export function namesOf({ table = "sluice_entries", schema = DEFAULT_SCHEMA }: NameOptions): {
  table: string;
  schema: string;
} {
  return { table, schema };
}

function checkName(option: string, name: unknown, longest: number): void {
  if (typeof name === "string" && name.length <= longest && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return;
  throw invalidOption(
    option,
    name,
    `pass 1 to ${longest} letters, digits and underscores that do not start with a digit; schema and table are two options`,
  );
}
