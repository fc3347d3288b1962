import { SluiceError } from "../../errors.js";
import type { HttpPort } from "../port.js";
import { keyOfAddress } from "./client-key.js";

/** A Node.js request with its connection. */
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

/** The client's address as strictly as the port reads it or, if that is not an IP address, as leniently as it can. */
export function clientAddress<Req>(request: Req, port: HttpPort<Req>): string | undefined {
  const address = port.address(request);
  return keyOfAddress(address, 128) === undefined ? port.reread?.(request) : address;
}

/**
 * Returns whether the client of a Node.js request has left: its connection has ended or was reset. A reset removes the
 * remote address immediately. A Unix socket never has an address.
 */
export function connectionEnded(request: ConnectedRequest): boolean {
  const { socket } = request;
  if (socket === undefined || socket === null) return true;
  try {
    if (socket.destroyed === true) return true;
    return socket.remoteAddress === undefined && socket.localAddress !== undefined;
  } catch {
    // An HTTP/2 request whose session has ended throws on each of these reads.
    return true;
  }
}

/** Returns whether a guard failed only because the client has left. */
export function isAboutLeaving<Req>(error: unknown, request: Req, port: HttpPort<Req>): boolean {
  const isUnusable = error instanceof SluiceError && error.code === "CLIENT_ADDRESS_UNUSABLE";
  return isUnusable && port.hasLeft?.(request) === true;
}
