// Runs other programs.
import { spawn, spawnSync } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Returns the environment of programs that the tools start: with the workspace's binaries first on the PATH, and
 * without telemetry.
 */
function toolEnv(extra = {}) {
  return {
    ...process.env,
    PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`,
    DO_NOT_TRACK: "1",
    TURBO_TELEMETRY_DISABLED: "1",
    ...extra,
  };
}

/**
 * Runs a program in the root folder with the terminal's input and output.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {boolean} true if it ended with exit code 0
 */
export function run(command, args, env) {
  return spawnSync(command, args, { cwd: root, stdio: "inherit", env: toolEnv(env) }).status === 0;
}

/**
 * Runs a program and returns its output.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
export function capture(command, args, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env: toolEnv(),
    maxBuffer: 256 * 1024 * 1024,
    ...options,
    encoding: "utf8",
  });
  return { ok: status === 0, stdout: stdout ?? "", stderr: stderr ?? "" };
}

/**
 * Runs a program and resolves to its output when it has ended.
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<{ ok: boolean; output: string }>}
 */
export function captureAsync(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: toolEnv() });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("error", (error) => resolve({ ok: false, output: `${command} did not start: ${error.message}` }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/**
 * Runs a program in the foreground, forwards signals that end it, and ends this process with its exit code.
 * @param {string} command
 * @param {string[]} args
 */
export function become(command, args) {
  // In a separate process group, so that it receives Ctrl-C only once, from here.
  const child = spawn(command, args, { cwd: root, stdio: "inherit", env: toolEnv(), detached: true });
  let passedOnMs = Number.NEGATIVE_INFINITY;
  /** @param {NodeJS.Signals} signal */
  const passOn = (signal) => {
    // The terminal and npm may both send the signal.
    if (performance.now() - passedOnMs < 500) return;
    passedOnMs = performance.now();
    child.kill(signal);
  };
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, passOn);

  // npm forwards a signal to the shell that started this script, which then ends without a message.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    passOn("SIGTERM");
  }, 100);

  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
  child.on("error", (error) => {
    console.error(`${command} did not start: ${error.message}`);
    process.exit(1);
  });
}
