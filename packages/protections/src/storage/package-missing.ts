import { SluiceError } from "@sluice/core";

/**
 * What a module exports.
 *
 * @param load imports it; the name is written out there, so that bundlers find it
 * @param name the package, and `install` all that has to be installed with it
 * @throws SluiceError `PACKAGE_MISSING`
 */
export async function loaded<M>(load: () => Promise<M>, name: string, install: string): Promise<M> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    throw new SluiceError("PACKAGE_MISSING", `the package ${name} is not installed: npm install ${install}`, {
      cause: error,
    });
  }
}

/** A package that is there may miss another one: that is an error of its own. */
function isMissing(error: unknown, name: string): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  const says = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND" || /^Cannot find/.test(error.message);
  return says && error.message.includes(`'${name}'`);
}
