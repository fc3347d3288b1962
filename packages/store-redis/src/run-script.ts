import { SluiceError } from "@sluice/core";
import type { Commands } from "./redis-client.js";
import type { Script } from "./scripts.generated.js";

/**
 * Runs a script by its digest, and by its text when the server does not know it: then it is certain that it has not
 * run. Nothing else is ever sent again.
 *
 * @throws SluiceError `STORE_FAILED` with the client's error as its cause
 */
export async function runScript(
  commands: Commands,
  script: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  try {
    return await commands.evalsha(script.sha1, keys, args);
  } catch (error) {
    if (!messageOf(error).startsWith("NOSCRIPT")) throw storeFailed(error);
  }
  try {
    return await commands.eval(script.text, keys, args);
  } catch (error) {
    throw storeFailed(error);
  }
}

/** What a failure of the client or server becomes. */
export function storeFailed(error: unknown): SluiceError {
  const message = messageOf(error);
  const why = message.startsWith("SLUICEREPEATED")
    ? "the connection broke before Redis answered; what was asked has been done at most once"
    : `Redis failed: ${message}`;
  return new SluiceError("STORE_FAILED", why, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
