import type { SluiceError } from "@sluice/core/store";
import type { Commands } from "./commands.js";
import { isUnknownScript } from "./failures.js";
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
    if (!isUnknownScript((error as SluiceError).cause)) throw error;
  }
  return commands.eval(script.text, keys, args);
}
