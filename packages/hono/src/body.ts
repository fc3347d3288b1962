import type { Context, Env } from "hono";

/** Larger bodies are not read ahead of the route: 1 MiB. */
const LARGEST = 2 ** 20;

/**
 * The body, so that the route can read it as well: as bytes with their type, which Hono converts to any form.
 * `undefined` for a body that is large or of unknown length, or that was read without Hono.
 */
export async function bodyOf<E extends Env>({ req }: Context<E>): Promise<ArrayBuffer | undefined> {
  const isRead = Object.keys(req.bodyCache).length > 0;
  const length = Number(req.raw.headers.get("content-length") ?? Number.NaN);
  if (!isRead && (req.raw.bodyUsed || !(length <= LARGEST))) return undefined;
  return (await req.blob()).arrayBuffer();
}
