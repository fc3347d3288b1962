import pg from "pg";
import postgres from "postgres";
import type { PostgresClient } from "../src/index.js";

/** A client, and a function that closes it. */
export interface Connection {
  readonly client: PostgresClient;
  end(): Promise<void>;
}

const quiet = (): void => {};

/** Every kind of client that the store accepts. */
export const connectors: Readonly<Record<string, (port: number) => Connection>> = {
  "a Pool of pg"(port) {
    const pool = new pg.Pool({ host: "127.0.0.1", port, user: "postgres", max: 4 });
    pool.on("error", quiet);
    return { client: pool, end: () => pool.end() };
  },
  "a Client of pg"(port) {
    const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres" });
    client.on("error", quiet);
    // Statements wait until it is connected. If nothing listens, they fail.
    const connected = client.connect().then(
      () => true,
      () => false,
    );
    // Old versions of pg never finish the end of a client that did not connect.
    return { client, end: async () => ((await connected) ? client.end() : undefined) };
  },
  postgres(port) {
    const client = postgres({ host: "127.0.0.1", port, user: "postgres", max: 4, onnotice: quiet });
    return { client, end: () => client.end({ timeout: 1 }) };
  },
};
