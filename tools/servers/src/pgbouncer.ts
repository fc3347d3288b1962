import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ServerProcess, startServer } from "./child-process.js";
import { onFreePorts } from "./free-port.js";
import { isProgram } from "./is-program.js";
import { giveTo, unprivilegedUser } from "./unprivileged-user.js";

export interface Pgbouncer extends ServerProcess {
  readonly port: number;
}

/**
 * Returns the path of this machine's PgBouncer, or `undefined`. Debian installs it into /usr/sbin, which may not be on
 * the PATH.
 */
export function systemPgbouncer(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin"];
  return folders.map((folder) => join(folder, "pgbouncer")).find(isProgram);
}

/** Starts a pooler in transaction mode in front of a server: each transaction uses either of two connections. */
export async function startPgbouncer(command: string, toPort: number): Promise<Pgbouncer> {
  const user = await unprivilegedUser();
  return onFreePorts(1, async ([port]) => {
    const server = await startServer({
      command,
      args: async (folder) => {
        const file = join(folder, "pgbouncer.ini");
        const lines = [
          "[databases]",
          `postgres = host=127.0.0.1 port=${toPort} user=postgres dbname=postgres`,
          "[pgbouncer]",
          "listen_addr = 127.0.0.1",
          `listen_port = ${port}`,
          "unix_socket_dir =",
          "auth_type = any",
          "pool_mode = transaction",
          "default_pool_size = 2",
        ];
        await writeFile(file, `${lines.join("\n")}\n`);
        await giveTo(user, folder, file);
        return [file];
      },
      ready: /process up/,
      install: "Install it with `apt-get install pgbouncer` (Debian, Ubuntu).",
      user,
      stopSignal: "SIGINT",
    });
    return { ...server, port: port as number };
  });
}
