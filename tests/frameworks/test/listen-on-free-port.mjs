// Loaded before a printed program: makes its server listen on a free port instead of the printed one, and prints which.
import { Server } from "node:net";

const { listen } = Server.prototype;

/** @this {Server} @param {...unknown} args */
function listenOnFreePort(...args) {
  this.once("listening", () => console.log(`http://127.0.0.1:${this.address().port}`));
  return listen.call(this, 0, "127.0.0.1", ...args.filter((arg) => typeof arg === "function"));
}

Server.prototype.listen = listenOnFreePort;
