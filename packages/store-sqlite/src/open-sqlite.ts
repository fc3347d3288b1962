import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { invalidOption, rejectUnknown, SluiceError } from "@sluice/core/store";
import type { OpenSqliteClient } from "./client.js";
import { isWorthWaiting } from "./failure.js";

/** Options of {@link openSqlite}. */
export interface OpenSqliteOptions {
  /** Whether a file that is missing is made. Default true; without it, `STORE_NOT_READY`. */
  create?: boolean | undefined;
  /** Options of the constructor of `node:sqlite`, `better-sqlite3` or `libsql`. */
  options?: Readonly<Record<string, unknown>> | undefined;
}

type Open = (file: string, options: Readonly<Record<string, unknown>>) => OpenSqliteClient;

interface Constructor {
  new (file: string, options: Readonly<Record<string, unknown>>): OpenSqliteClient;
}

/** Where a database can come from, in the order in which they are tried. */
const SOURCES: readonly (readonly [module: string, name: string])[] = [
  ["node:sqlite", "DatabaseSync"],
  ["better-sqlite3", "default"],
  ["libsql", "default"],
];

/**
 * Opens an SQLite file, made if it is missing unless `create` is false, by what there is: `node:sqlite` (Node.js 22.13 and later),
 * `better-sqlite3` or `libsql`. It has no table yet: see {@link createSchema}.
 *
 * @param path of the file, or `":memory:"` for a database of this connection alone
 * @throws SluiceError rejects with `STORAGE_UNAVAILABLE` when there is no such folder, no right to the file, or another sort of
 * file; with `STORE_NOT_READY` for a missing one that is not to be made; with `PACKAGE_MISSING` on Node.js 20 when neither
 * package is installed that runs on it; and with `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createSchema, openSqlite, sqliteStore } from "@sluice/store-sqlite";
 *
 * const client = await openSqlite("limits.db");
 * await createSchema(client);
 * const store = sqliteStore({ client });
 * // At the end:
 * await store.close();
 * client.close();
 * ```
 */
export async function openSqlite(path: string, options: OpenSqliteOptions = {}): Promise<OpenSqliteClient> {
  if (typeof path !== "string" || path === "") throw invalidOption("path", path, "give the path of a file");
  rejectUnknown(options, ["create", "options"], "openSqlite");
  const { create = true, options: clientOptions = {} } = options;
  if (typeof create !== "boolean") throw invalidOption("create", create, "give true or false");
  const open = await findSqlite();
  // Neither a URI, by which SQLite would take options, nor a URL, by which libsql would go to a server.
  const file = path === ":memory:" ? path : resolve(path);
  if (!create && file !== ":memory:" && existsSync(dirname(file)) && !existsSync(file)) {
    throw new SluiceError(
      "STORE_NOT_READY",
      `there is no SQLite file ${file}: run createSchema(client) on one to make it`,
    );
  }
  try {
    return readable(open(file, clientOptions));
  } catch (error) {
    const folder = dirname(file);
    const reason = existsSync(folder)
      ? error instanceof Error
        ? error.message
        : String(error)
      : `the folder ${folder} does not exist`;
    throw new SluiceError("STORAGE_UNAVAILABLE", `the SQLite file ${file} can't be opened: ${reason}`, {
      cause: error,
    });
  }
}

/** SQLite opens any file, and looks into it when it is first read. */
function readable(client: OpenSqliteClient): OpenSqliteClient {
  try {
    client.exec("PRAGMA busy_timeout = 0");
    client.prepare("PRAGMA schema_version").all();
  } catch (error) {
    if (!isWorthWaiting(error)) {
      client.close();
      throw error;
    }
  }
  return client;
}

/** better-sqlite3 13 ends a process of Node.js 20 when it opens a file. */
function checkUsable(module: string): void {
  if (module !== "better-sqlite3" || !process.version.startsWith("v20.")) return;
  const { version } = createRequire(import.meta.url)(`${module}/package.json`);
  if (Number.parseInt(version, 10) >= 13) throw new Error(`${module} ${version} does not run on Node.js 20`);
}

/**
 * Loads a module when it runs, also from a bundle: a bundler that followed would look for `node:sqlite` on its own Node.js,
 * and a native module can't be bundled.
 */
async function load(module: string): Promise<Record<string, unknown>> {
  const builtIn = process.getBuiltinModule?.(module) as Record<string, unknown> | undefined;
  return builtIn ?? (await import(/* webpackIgnore: true */ /* @vite-ignore */ module));
}

async function findSqlite(): Promise<Open> {
  const failures: unknown[] = [];
  for (const [module, name] of SOURCES) {
    try {
      checkUsable(module);
      const Database = (await load(module))[name] as Constructor;
      return (file, options) => new Database(file, options);
    } catch (error) {
      failures.push(error);
    }
  }
  throw new SluiceError(
    "PACKAGE_MISSING",
    "no SQLite was found that runs here: run npm install libsql, or use Node.js 22.13 or later, which has its own",
    { cause: new AggregateError(failures) },
  );
}
