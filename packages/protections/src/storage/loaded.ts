import { SluiceError } from "@sluice/core";

/**
 * What a package exports. Bundlers are kept from following: each would take in all the stores with all their clients, or
 * fail for those that are not there. So the packages have to be installed where the bundle runs.
 *
 * @param name the package, and `install` all that has to be installed with it
 * @throws SluiceError `PACKAGE_MISSING`
 */
export async function loaded<M>(name: string, install: string): Promise<M> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    throw new SluiceError("PACKAGE_MISSING", `the package ${name} is not installed: npm install ${install}`, {
      cause: error,
    });
  }
}

/**
 * A package that is there may miss another one: that is an error of its own. Jest's errors are of another realm, so they
 * are no `instanceof Error`.
 */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof message !== "string" || !message.includes(`'${name}'`)) return false;
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND" || /^Cannot find/.test(message);
}
