import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";

/** A server that runs as a child process. */
export interface ServerProcess {
  readonly pid: number;
  /** Ends it in an orderly way, but by force after 5 seconds. Resolves when it has ended and its files are removed. */
  stop(): Promise<void>;
  /** Ends it immediately, as a crash would (SIGKILL). Resolves when it has ended. */
  kill(): Promise<void>;
  /** Freezes it (SIGSTOP): connections stay open, but nothing answers. */
  pause(): void;
  /** Undoes `pause`. */
  resume(): void;
}

export interface ServerCommand {
  command: string;
  /** Returns the arguments. `folder` is the server's temporary folder, which is also its working directory. */
  args: (folder: string) => string[] | Promise<string[]>;
  /** Matches the output that shows that the server is ready. */
  ready: RegExp;
  /** How to install `command`. This is the end of the message if it is missing. */
  install: string;
  env?: Record<string, string>;
  /** The user that it runs as. Default: the user of this process. */
  user?: { uid: number; gid: number } | undefined;
  /** The signal that ends it in an orderly way. Default SIGTERM. */
  stopSignal?: "SIGTERM" | "SIGINT";
  /** How long it may take to be ready. */
  timeoutMs?: number;
}

/**
 * Starts a server in a new temporary folder, and resolves when it is ready. However this process ends, the server ends
 * with it.
 */
export async function startServer(options: ServerCommand): Promise<ServerProcess> {
  const { command, ready, install, env, user, stopSignal = "SIGTERM", timeoutMs = 20_000 } = options;
  const folder = await mkdtemp(join(tmpdir(), "sluice-server-"));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const child = spawn(command, await options.args(folder), {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...user,
    });
    const { pid } = child;
    const gone = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    if (pid !== undefined) {
      reaper().write(`+ ${pid} ${folder}\n`);
      void gone.then(() => reaper().write(`- ${pid}\n`));
    }
    try {
      await untilReady(child, ready, timeoutMs);
    } catch (cause) {
      child.kill("SIGKILL");
      if (isMissing(cause)) throw new Error(`${command} is not installed. ${install}`, { cause });
      throw cause;
    }
    child.unref();

    const end = async (signal: NodeJS.Signals): Promise<void> => {
      if (child.exitCode === null && child.signalCode === null) {
        child.ref();
        child.kill(signal);
        child.kill("SIGCONT");
        const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
        await gone;
        clearTimeout(force);
      }
      await removeFolder();
    };
    return {
      pid: pid as number,
      stop: () => end(stopSignal),
      kill: () => end("SIGKILL"),
      pause() {
        child.kill("SIGSTOP");
        waitUntilStopped(pid as number);
      },
      resume: () => void child.kill("SIGCONT"),
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

/**
 * Waits until all threads have stopped, since a server on a busy machine still answers for a while after the signal.
 */
function waitUntilStopped(pid: number): void {
  const deadlineMs = performance.now() + 2_000;
  while (performance.now() < deadlineMs && process.platform === "linux" && !isStopped(pid));
}

function isStopped(pid: number): boolean {
  try {
    const states = readdirSync(`/proc/${pid}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
      // The name before it is in brackets, and may contain anything.
      return stat[stat.lastIndexOf(")") + 2];
    });
    return states.every((state) => state === "T");
  } catch {
    // A thread has just ended. If none is left, the server has ended.
    return !existsSync(`/proc/${pid}`);
  }
}

function untilReady(child: ChildProcess, ready: RegExp, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    const fail = (what: string) => {
      clearTimeout(timer);
      reject(new Error(`${child.spawnfile} ${what}. It printed:\n${output.slice(-4_000)}`));
    };
    const timer = setTimeout(() => fail(`was not ready after ${timeoutMs} ms`), timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      // Reads on after the start, since a full pipe would block the server.
      stream?.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-64_000);
        if (!ready.test(output)) return;
        clearTimeout(timer);
        resolve();
      });
      (stream as { unref?: () => void } | null)?.unref?.();
    }
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // "close" instead of "exit", so that all output has been read.
    child.once("close", (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`));
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

// The reaper is a shell that receives every server's pid and folder. When this process ends for any reason
// (`process.exit`, a crash, Ctrl-C or SIGKILL), the reaper's input closes. It then ends all remaining servers and
// removes their folders.
const reaperScript = `
trap '' INT TERM HUP
pids=' '
while read -r what pid folder; do
  case $what in
    +) pids="$pids$pid "; set -- "$@" "$folder" ;;
    -) case $pids in *" $pid "*) pids="\${pids%%" $pid "*} \${pids#*" $pid "}" ;; esac ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
rm -rf "$@"
`;

let reaperInput: Writable | undefined;

function reaper(): Writable {
  if (reaperInput === undefined) {
    const shell = spawn("sh", ["-c", reaperScript, "sluice-reaper"], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    shell.unref();
    (shell.stdin as Writable & { unref?: () => void }).unref?.();
    reaperInput = shell.stdin;
  }
  return reaperInput;
}
