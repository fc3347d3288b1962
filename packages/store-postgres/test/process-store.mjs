// Opens the store in the other processes of the conformance suite, with the given kind of client.
import { postgresStore } from "@sluice/store-postgres";
import pg from "pg";
import postgres from "postgres";

/** @param {string} setting the port, and the kind of client */
export async function makeStore(setting) {
  const [port, ...kind] = setting.split(" ");
  return postgresStore({
    client: await connect({ host: "127.0.0.1", port: Number(port), user: "postgres" }, kind.join(" ")),
  });
}

/**
 * @param {{ host: string; port: number; user: string }} server
 * @param {string} kind
 */
async function connect(server, kind) {
  if (kind === "postgres") return postgres({ ...server, max: 2 });
  if (kind === "a Pool of pg") return new pg.Pool({ ...server, max: 2 });
  const client = new pg.Client(server);
  await client.connect();
  return client;
}
