// The store and the protections as other processes of the conformance suite open them.
import * as protections from "@sluice/protections";
import { openStore } from "@sluice/storage";

// Node 20 is the oldest that is supported here; the SDK says with each process that it will not be there for ever.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

export { protections };

/** @param {string} url */
export function makeStore(url) {
  return openStore(url);
}
