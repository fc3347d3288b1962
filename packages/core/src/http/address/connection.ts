import { SluiceError } from "../../errors.js";
import type { HttpPort } from "../port.js";
import { keyOfAddress } from "./client-key.js";

/** The connection of a request of Node.js. */
export interface ConnectedRequest {
  readonly socket?:
    | {
        readonly destroyed?: boolean | undefined;
        readonly remoteAddress?: string | undefined;
        readonly localAddress?: string | undefined;
      }
    | null
    | undefined;
}

/** The client's address, as strictly as the port reads it if that is an IP address, and otherwise as leniently as it can. */
export function clientAddress<Req>(request: Req, port: HttpPort<Req>): string | undefined {
  const address = port.address(request);
  return keyOfAddress(address, 128) === undefined ? port.reread?.(request) : address;
}

/**
 * Returns whether the client of a request of Node.js left: its connection has ended, or was reset, which removes its
 * remote address at once. A Unix socket has no address in either case.
 */
export function connectionEnded(request: ConnectedRequest): boolean {
  const { socket } = request;
  if (socket === undefined || socket === null) return true;
  try {
    if (socket.destroyed === true) return true;
    return socket.remoteAddress === undefined && socket.localAddress !== undefined;
  } catch {
    // A request of HTTP/2 whose session has ended throws for each of them.
    return true;
  }
}

/** Returns whether the error of a guard only means that the client has left. */
export function isAboutLeaving<Req>(error: unknown, request: Req, port: HttpPort<Req>): boolean {
  const isUnusable = error instanceof SluiceError && error.code === "CLIENT_ADDRESS_UNUSABLE";
  return isUnusable && port.hasLeft?.(request) === true;
}
