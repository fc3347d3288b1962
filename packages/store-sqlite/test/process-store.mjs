// Opens the store in the other processes of the conformance suite.
import { sqliteStore } from "@sluice/store-sqlite";
import { openClient } from "./clients.mjs";

/** @param {string} setting the kind of client, and the file */
export async function makeStore(setting) {
  const [kind = "", ...file] = setting.split(" ");
  return sqliteStore({ client: await openClient(kind, file.join(" ")) });
}
