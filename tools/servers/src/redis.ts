import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type ServerProcess, startServer } from "./child-process.js";
import { onFreePorts } from "./free-port.js";

export interface RedisServer extends ServerProcess {
  readonly url: string;
  readonly port: number;
}

export interface RedisOptions {
  /** Additional arguments of redis-server, such as `["--maxmemory", "1mb"]`. */
  args?: string[];
  /** The port of a stopped server, to start an empty one at the same address. Default: a free port. */
  port?: number;
}

/** Starts a Redis on a free loopback port, which keeps nothing on disk. */
export function startRedis({ args = [], port }: RedisOptions = {}): Promise<RedisServer> {
  return port === undefined ? onFreePorts(1, ([free]) => startRedisOn(free as number, args)) : startRedisOn(port, args);
}

export async function startRedisOn(port: number, args: string[]): Promise<RedisServer> {
  const server = await startServer({
    command: "redis-server",
    args: (folder) => ["--port", String(port), ...baseArgs(folder), ...args],
    ready: /Ready to accept connections/,
    install: installRedis,
  });
  return { ...server, port, url: `redis://127.0.0.1:${port}` };
}

export const installRedis: string =
  "Install it with `apt-get install redis-server` (Debian, Ubuntu) or `brew install redis` (macOS).";

function baseArgs(folder: string): string[] {
  return ["--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no", "--logfile", ""];
}

const run = promisify(execFile);

/** Runs one command on the server at `port`, and returns the reply in the format of redis-cli. */
export async function redisCommand(port: number, ...command: (string | number)[]): Promise<string> {
  const { stdout } = await run("redis-cli", ["-e", "-p", String(port), ...command.map(String)]);
  return stdout.trim();
}
