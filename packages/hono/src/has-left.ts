import { type ConnectedRequest, connectionEnded } from "@sluice/core/http";
import type { Context, Env } from "hono";

/**
 * Returns whether the client has left. Uses Node's connection, because a request's signal is aborted only after the
 * response.
 */
export function hasLeft<E extends Env>(c: Context<E>): boolean {
  if (c.req.raw.signal.aborted) return true;
  const { incoming } = (c.env ?? {}) as { readonly incoming?: ConnectedRequest };
  return typeof incoming === "object" && incoming !== null && connectionEnded(incoming);
}
