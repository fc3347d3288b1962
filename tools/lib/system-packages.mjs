// Installs programs that the tests need and that are not npm packages.
import { accessSync, closeSync, constants, openSync, readSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./process.mjs";

/** The required commands, each with its Debian package. */
const packages = new Map([
  ["redis-server", "redis-server"],
  ["java", "default-jre-headless"],
]);

/** The commands without which some tests are skipped. */
const optionalPackages = new Map([["pgbouncer", "pgbouncer"]]);

/**
 * @typedef {object} Machine  the machine that {@link ensureSystemPackages} changes
 * @property {NodeJS.ProcessEnv} env
 * @property {(command: string) => boolean} has  returns true if the command exists
 * @property {boolean} isRoot
 * @property {((question: string) => boolean) | undefined} ask  `undefined` without a terminal
 * @property {(command: string, args: string[]) => boolean} run  returns true if it succeeded
 * @property {(text: string) => void} log
 */

/**
 * Installs missing programs with apt-get in CI, with `SLUICE_INSTALL=1`, or if the user agrees at the terminal.
 * `SLUICE_INSTALL=0` prevents it everywhere.
 *
 * @param {Machine} [machine]
 * @throws {Error} if a required program is still missing; the message says how to install it
 */
export function ensureSystemPackages(machine = thisMachine()) {
  const required = missingOf(packages, machine);
  const missing = [...required, ...missingOf(optionalPackages, machine)];
  if (missing.length === 0) return;
  const aptGet = aptGetOf(machine);
  if (aptGet !== undefined && isWanted(missing, machine)) {
    machine.log(`Installing ${namesOf(missing).join(" ")} with apt-get`);
    const apt = (/** @type {string[]} */ ...args) => machine.run(aptGet[0] ?? "", [...aptGet.slice(1), ...args]);
    const install = (/** @type {string[]} */ commands) =>
      commands.length === 0 || apt("install", "-q", "-y", "--no-install-recommends", ...namesOf(commands));
    apt("update", "-q");
    // Separate, so that an optional package that can't be installed does not affect the required ones.
    if (install(required)) install(missing.filter((command) => optionalPackages.has(command)));
  }
  const stillMissing = missingOf(packages, machine);
  if (stillMissing.length > 0) throw new Error(howToGet(stillMissing, missing, aptGet !== undefined));
  for (const command of missingOf(optionalPackages, machine)) {
    machine.log(`${command} is missing, so its tests are skipped. ${installation([command])}`);
  }
}

/**
 * @param {string[]} stillMissing
 * @param {string[]} missing  all missing commands, with the optional ones
 * @param {boolean} canInstall
 */
function howToGet(stillMissing, missing, canInstall) {
  const rerun = canInstall ? ", or run this again with SLUICE_INSTALL=1 to install them" : "";
  return [
    `The tests start ${stillMissing.join(" and ")}, which this machine lacks.`,
    `${installation(missing).slice(0, -1)}${rerun}.`,
    "`npm run test:unit` and `npm run demo` need none of them.",
  ].join("\n");
}

/** @param {string[]} commands */
function installation(commands) {
  return `Install with: apt-get install ${namesOf(commands).join(" ")} (on other systems, the packages that provide ${commands.join(", ")}).`;
}

/**
 * @param {string[]} missing
 * @param {Machine} machine
 */
function isWanted(missing, { env, ask }) {
  if (env.SLUICE_INSTALL) return env.SLUICE_INSTALL !== "0";
  if (env.CI) return env.CI !== "false";
  return ask?.(`The tests need ${missing.join(", ")}. Install ${namesOf(missing).join(" ")} with apt-get?`) ?? false;
}

/**
 * @param {Map<string, string>} wanted
 * @param {Machine} machine
 */
function missingOf(wanted, { has }) {
  return [...wanted.keys()].filter((command) => !has(command));
}

/** @param {string[]} commands */
function namesOf(commands) {
  return commands.map((command) => packages.get(command) ?? optionalPackages.get(command) ?? command);
}

/**
 * Returns the command for apt-get as root. `undefined` if there is none or it would ask for a password.
 * @param {Machine} machine
 */
function aptGetOf({ has, isRoot, run }) {
  const aptGet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
  if (!has("apt-get")) return undefined;
  if (isRoot) return aptGet;
  return has("sudo") && run("sudo", ["-n", "true"]) ? ["sudo", "-n", ...aptGet] : undefined;
}

/** @returns {Machine} */
function thisMachine() {
  return {
    env: process.env,
    has: isOnPath,
    isRoot: process.getuid?.() === 0,
    ask: process.stdin.isTTY && process.stdout.isTTY ? askAtTerminal : undefined,
    run,
    log: (text) => console.log(text),
  };
}

/** @param {string} question */
function askAtTerminal(question) {
  process.stdout.write(`${question} [y/N] `);
  const terminal = openSync("/dev/tty", "r");
  const answer = Buffer.alloc(64);
  const length = readSync(terminal, answer);
  closeSync(terminal);
  return /^y(?:es)?$/i.test(answer.toString("utf8", 0, length).trim());
}

/** @param {string} command */
function isOnPath(command) {
  // Debian installs servers into /usr/sbin, which may not be on the PATH.
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
