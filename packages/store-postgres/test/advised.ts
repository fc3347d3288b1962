import { connect, type Socket } from "node:net";
import postgres from "postgres";

/** The function that docs/postgres.md prints. */
function socketWithTimeout({ host: [host], port: [port] }: { host: string[]; port: number[] }): Socket {
  const socket = connect(port ?? 5_432, host ?? "localhost");
  const giveUp = () => socket.setTimeout(2_000, () => socket.destroy());
  giveUp();
  // TLS starts with the first answer and removes the listeners.
  socket.once("data", () => setImmediate(giveUp));
  return socket;
}

/** A client of the package postgres, with the settings recommended in docs/postgres.md. */
export function openPostgresJs(port: number, max: number): postgres.Sql {
  const advised = { connect_timeout: 2, socket: socketWithTimeout };
  return postgres({ host: "127.0.0.1", port, user: "postgres", max, onnotice() {}, ...advised });
}
