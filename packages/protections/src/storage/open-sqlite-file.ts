import { loaded } from "./loaded.js";
import type { Opened, Opening } from "./opened.js";
import { malformed, rejectUnknownQuery, type Setting } from "./setting.js";

const NAME = "@sluice/store-sqlite";

export async function openSqliteFile(setting: Setting, { migrate, given }: Opening): Promise<Opened> {
  rejectUnknownQuery(setting, []);
  if (setting.path === "") throw malformed(setting, "names no file");
  const { openSqlite, sqliteStore } = await loaded<typeof import("@sluice/store-sqlite")>(NAME, `${NAME} libsql`);
  const client = await openSqlite(setting.path, { create: migrate, options: given });
  const end = async (): Promise<void> => client.close();
  try {
    const store = sqliteStore({ client });
    if (migrate) await store.createSchema();
    await store.healthCheck();
    return { store, end };
  } catch (error) {
    await end();
    throw error;
  }
}
