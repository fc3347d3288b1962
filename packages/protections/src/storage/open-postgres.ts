import { loaded } from "./loaded.js";
import type { Opened } from "./opened.js";
import { malformed, type Setting } from "./setting.js";

const INSTALL = "@sluice/store-postgres pg";

interface Options {
  readonly migrate: boolean;
  readonly timeoutMs: number;
}

/** The query parameters are those of `pg`. */
export async function openPostgres(setting: Setting, { migrate, timeoutMs }: Options): Promise<Opened> {
  const { text, hosts } = setting;
  const [, port = ""] = /:([^\]:]*)$/.exec(hosts) ?? [];
  if (!/^\d{0,5}$/.test(port) || Number(port) > 65_535) throw malformed(setting, "names a port that can't be");
  const { postgresStore } = await loaded<typeof import("@sluice/store-postgres")>("@sluice/store-postgres", INSTALL);
  const { default: pg } = await loaded<typeof import("pg")>("pg", INSTALL);
  const pool = new pg.Pool({ connectionString: text, connectionTimeoutMillis: timeoutMs });
  // A connection that breaks while nobody uses it would end the process. A call that fails says so itself.
  pool.on("error", () => {});
  const end = (): Promise<void> => pool.end();
  try {
    const store = postgresStore({ client: pool });
    if (migrate) await store.migrate();
    await store.healthCheck();
    return { store, end };
  } catch (error) {
    await end();
    throw error;
  }
}
