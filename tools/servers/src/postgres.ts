import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type ServerProcess, startServer } from "./child-process.js";
import { onFreePorts } from "./free-port.js";
import { embeddedPostgres } from "./postgres-binaries.js";
import { giveTo, unprivilegedUser } from "./unprivileged-user.js";

export interface PostgresServer extends ServerProcess {
  /** The URL for a superuser without a password. */
  readonly url: string;
  readonly port: number;
  /** Freezes the server with all its processes. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

export interface PostgresOptions {
  /** The folder of `initdb` and `postgres`. Default: {@link embeddedPostgres}. */
  binaries?: string;
  /** Settings of the server, such as `{ max_connections: "20" }`. */
  settings?: Record<string, string>;
}

const run = promisify(execFile);

/** A cache for files that take long to create. */
const CACHE = fileURLToPath(new URL("../node_modules/.cache", import.meta.url));

/** Starts PostgreSQL on a free loopback port, with a new database that is removed when the server ends. */
export async function startPostgres({ binaries, settings = {} }: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = binaries ?? (await embeddedPostgres());
  return onFreePorts(1, ([port]) => startPostgresOn(port as number, folder, settings));
}

async function startPostgresOn(
  port: number,
  binaries: string,
  settings: Record<string, string>,
): Promise<PostgresServer> {
  const user = await unprivilegedUser();
  const reachable = user === undefined || (await isOpenToAll(binaries));
  const all = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "off",
    ...settings,
  };
  // Relative to the server's own folder if the binaries had to be copied there.
  const bin = reachable ? binaries : join("postgresql", "bin");
  const server = await startServer({
    command: reachable ? join(bin, "postgres") : `./${join(bin, "postgres")}`,
    args: async (folder) => {
      if (!reachable)
        await cp(dirname(binaries), join(folder, "postgresql"), { recursive: true, verbatimSymlinks: true });
      await giveTo(user, folder);
      const data = join(folder, "data");
      const initdb = join(reachable ? bin : join(folder, bin), "initdb");
      await fillDataFolder(data, initdb, { cwd: folder, ...user });
      return ["-D", data, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
    },
    ready: /ready to accept connections/,
    install: "Install the packages of this repository, or PostgreSQL (Debian, Ubuntu: `apt-get install postgresql`).",
    user,
    // SIGINT ends the connections; SIGTERM would wait until clients have left.
    stopSignal: "SIGINT",
  });

  /**
   * Sends a signal to the server and its children, which are in separate process groups. The first process comes last,
   * since it may start more.
   */
  async function signal(name: "SIGSTOP" | "SIGCONT"): Promise<void> {
    for (const pid of [...(await childrenOf(server.pid)), server.pid]) {
      try {
        process.kill(pid, name);
      } catch {
        // It has already ended.
      }
    }
  }

  return {
    ...server,
    port,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    async stop() {
      await signal("SIGCONT");
      await server.stop();
    },
    async kill() {
      // Children end without their parent, unless they are frozen.
      await signal("SIGCONT");
      await server.kill();
    },
  };
}

/** Does the work of `initdb`. Copies an earlier result if there is one, which takes a tenth of the time. */
async function fillDataFolder(
  data: string,
  initdb: string,
  options: { cwd: string; uid?: number; gid?: number },
): Promise<void> {
  const args = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  const { stdout: version } = await run(initdb, ["--version"], options);
  const made = createHash("sha256").update(JSON.stringify([version, args, options.uid ?? process.getuid?.()]));
  const kept = join(CACHE, `postgres-${made.digest("hex").slice(0, 16)}`);
  if (await exists(kept)) {
    await run("cp", ["-a", kept, data]);
    return;
  }
  await run(initdb, ["-D", data, ...args], options);
  // Renamed when it is complete, since several processes may do this at the same time.
  const copy = `${kept}-${process.pid}-${Date.now()}`;
  await mkdir(CACHE, { recursive: true });
  await run("cp", ["-a", data, copy]);
  await rename(copy, kept).catch(() => rm(copy, { recursive: true, force: true }));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Returns whether every user may enter a folder. */
async function isOpenToAll(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & 0o005) !== 0o005) return false;
  return dirname(folder) === folder || isOpenToAll(dirname(folder));
}

async function childrenOf(pid: number): Promise<number[]> {
  if (process.platform === "linux") {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    return children.split(" ").filter(Boolean).map(Number);
  }
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid="]);
  const processes = stdout.split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  return processes.filter(([, parent]) => parent === pid).map(([child]) => child as number);
}
