// Programs that the tests start and no npm package brings.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./process.mjs";

/** Each command and the Debian package that has it. */
const packages = new Map([
  ["redis-server", "redis-server"],
  ["java", "default-jre-headless"],
]);

/** The same for programs without which some tests are skipped. */
const optionalPackages = new Map([["pgbouncer", "pgbouncer"]]);

/** Installs what is missing, where that is possible without asking; throws an error that says what to install where not. */
export function ensureSystemPackages() {
  const missing = missingOf(packages);
  const optional = missingOf(optionalPackages);
  if (missing.length + optional.length === 0) return;
  const hint = `The tests need ${missing.join(", ")}. Install with: apt-get install ${namesOf(missing, packages).join(" ")}`;
  const asRoot = isOnPath("apt-get") ? rootPrefix() : undefined;
  if (asRoot === undefined && missing.length > 0) throw new Error(hint);
  if (asRoot !== undefined) {
    const aptGet = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    /** @param {string[]} args */
    const apt = (...args) => run(aptGet[0] ?? "", [...aptGet.slice(1), ...args]);
    /** @param {string[]} names */
    const install = (names) => apt("install", "-q", "-y", "--no-install-recommends", ...names);
    console.log(`Installing ${[...missing, ...optional].join(" ")} by apt-get`);
    apt("update", "-q");
    if (missing.length > 0 && !install(namesOf(missing, packages))) throw new Error(hint);
    if (missingOf(packages).length > 0) throw new Error(hint);
    if (optional.length > 0) install(namesOf(optional, optionalPackages));
  }
  for (const command of missingOf(optionalPackages)) console.log(`${command} is missing: its tests are skipped`);
}

/** @param {Map<string, string>} wanted */
function missingOf(wanted) {
  return [...wanted.keys()].filter((command) => !isOnPath(command));
}

/**
 * @param {string[]} commands
 * @param {Map<string, string>} names
 */
function namesOf(commands, names) {
  return commands.map((command) => names.get(command) ?? command);
}

/** What to put before a command so that it runs as root, or undefined when that needs a password. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return isOnPath("sudo") && run("sudo", ["-n", "true"]) ? ["sudo", "-n"] : undefined;
}

/** @param {string} command */
function isOnPath(command) {
  // Debian keeps servers where only root looks.
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
