import { invalidOption } from "@sluice/core";

/** Where the entries are: see {@link PostgresStoreOptions}. */
export interface NameOptions {
  table?: string | undefined;
  schema?: string | undefined;
}

/** Names in the database end at 63 bytes, and the functions' names begin with the table's. */
const LONGEST_TABLE = 40;
const LONGEST_NAME = 63;

/**
 * What makes SQL that was written for the table `"sluice"."entries"` work on another one, and on the functions and tables
 * whose names begin with its name.
 *
 * @throws SluiceError `INVALID_OPTION` for a name that is not a plain identifier
 */
export function renamer({ table = "sluice_entries", schema = "public" }: NameOptions): (sql: string) => string {
  checkName("table", table, LONGEST_TABLE);
  checkName("schema", schema, LONGEST_NAME);
  return (sql) =>
    sql.replace(/"sluice"(?:\."entries(\w*)")?/g, (_, ending?: string) =>
      ending === undefined ? `"${schema}"` : `"${schema}"."${table}${ending}"`,
    );
}

function checkName(option: string, name: unknown, longest: number): void {
  if (typeof name === "string" && name.length <= longest && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return;
  throw invalidOption(
    option,
    name,
    `give 1 to ${longest} letters, digits and underscores that do not start with a digit; schema and table are two options`,
  );
}
