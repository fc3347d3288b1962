import { invalidOption } from "@sluice/core/store";

const LONGEST_TABLE = 40;

/**
 * What makes SQL that was written for the table `"sluice_entries"` work on another one, and on the tables whose names begin
 * with its name.
 *
 * @throws SluiceError `INVALID_OPTION` for a name that is not a plain identifier
 */
export function renamer(table = "sluice_entries"): (sql: string) => string {
  checkTable(table);
  return (sql) => sql.replace(/"sluice_entries(\w*)"/g, (_, ending: string) => `"${table}${ending}"`);
}

function checkTable(table: unknown): void {
  const plain = typeof table === "string" && table.length <= LONGEST_TABLE && /^[A-Za-z_][A-Za-z0-9_]*$/.test(table);
  if (plain && !/^sqlite_/i.test(table)) return;
  throw invalidOption(
    "table",
    table,
    `give 1 to ${LONGEST_TABLE} letters, digits and underscores that start with neither a digit nor sqlite_`,
  );
}
