// Programs that the tests start and no npm package brings.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./process.mjs";

/** Each command and the Debian package that has it. */
const packages = new Map([
  ["redis-server", "redis-server"],
  ["java", "default-jre-headless"],
]);

/** Installs what is missing, where that is possible without asking; throws an error that says what to install where not. */
export function ensureSystemPackages() {
  const missing = [...packages].filter(([command]) => !isOnPath(command));
  if (missing.length === 0) return;
  const names = missing.map(([, name]) => name);
  const hint = `The tests need ${missing.map(([command]) => command).join(", ")}. Install with: apt-get install ${names.join(" ")}`;
  const asRoot = rootPrefix();
  if (!isOnPath("apt-get") || !asRoot) throw new Error(hint);

  console.log(`Installing ${names.join(" ")} by apt-get`);
  const aptGet = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
  /** @param {string[]} args */
  const apt = (...args) => run(aptGet[0] ?? "", [...aptGet.slice(1), ...args]);
  apt("update", "-q");
  const installed = apt("install", "-q", "-y", "--no-install-recommends", ...names);
  if (!installed || missing.some(([command]) => !isOnPath(command))) throw new Error(hint);
}

/** What to put before a command so that it runs as root, or undefined when that needs a password. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return isOnPath("sudo") && run("sudo", ["-n", "true"]) ? ["sudo", "-n"] : undefined;
}

/** @param {string} command */
function isOnPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
