import { SluiceError } from "@sluice/core/store";
import type { Given } from "./client-options.js";
import type { OpenedStore } from "./opened-store.js";
import type { StoreUrl } from "./store-url.js";

/** A store that was opened and has answered, and a function that closes its client. */
export interface Opened {
  readonly store: OpenedStore;
  /** Closes the client, if there is one. */
  readonly end?: () => Promise<unknown>;
}

/** Settings for opening a store. */
export interface Opening {
  readonly createSchema: boolean;
  /** The maximum time for opening. */
  readonly timeoutMs: number;
  /** Options of the client. */
  readonly given: Given;
}

/** Opens the store that a URL names, and sends it a request, so that a wrong URL is reported immediately. */
export type Opener = (url: StoreUrl, opening: Opening) => Promise<Opened>;

/**
 * Loads a package. Bundlers do not follow this import. If they did, each bundle would contain every store with every
 * client, or fail because packages are not installed. So the packages must be installed where the bundle runs.
 *
 * @param install all packages to install, for the error message
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
 * Returns whether this package is missing. An installed package may lack another one: that error is passed on. Errors in
 * Jest belong to another realm, so they are not `instanceof Error`.
 */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof message !== "string" || !message.includes(`'${name}'`)) return false;
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND" || /^Cannot find/.test(message);
}
