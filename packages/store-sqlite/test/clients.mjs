// Opens a file with each of the supported clients, on the Node.js that runs this. BETTER_SQLITE3 is the URL of another
// version of that package.

/** @type {Record<string, (file: string) => Promise<import("@sluice/store-sqlite").OpenSqliteClient>>} */
const openers = {
  async "node:sqlite"(file) {
    const { DatabaseSync } = await import("node:sqlite");
    return new DatabaseSync(file);
  },
  async "better-sqlite3"(file) {
    const { default: Database } = await import(process.env.BETTER_SQLITE3 ?? "better-sqlite3");
    return new Database(file);
  },
  async libsql(file) {
    const { default: Database } = await import("libsql");
    return new Database(file);
  },
};

/**
 * @param {string} kind
 * @param {string} file
 */
export async function openClient(kind, file) {
  const open = openers[kind];
  if (open === undefined) throw new TypeError(`unknown client ${kind}`);
  return open(file);
}
