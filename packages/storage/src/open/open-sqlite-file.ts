import { loaded, type Opened, type Opening } from "./opener.js";
import { malformed, rejectUnknownQuery, type StoreUrl } from "./store-url.js";

const NAME = "@sluice/store-sqlite";

export async function openSqliteFile(url: StoreUrl, { createSchema, given }: Opening): Promise<Opened> {
  rejectUnknownQuery(url, []);
  if (url.path === "") throw malformed(url, "names no file");
  const { openSqlite, sqliteStore } = await loaded<typeof import("@sluice/store-sqlite")>(NAME, `${NAME} libsql`);
  const client = await openSqlite(url.path, { create: createSchema, options: given });
  const end = async (): Promise<void> => client.close();
  try {
    const store = sqliteStore({ client });
    if (createSchema) await store.createSchema();
    await store.healthCheck();
    return { store, end };
  } catch (error) {
    await end();
    throw error;
  }
}
