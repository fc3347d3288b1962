// Opens the store and the protections in the other processes of the conformance suite.
import * as protections from "@sluice/protections";
import { openStore } from "@sluice/storage";

// Node.js 20 is the oldest supported version. Without this the SDK warns in every process that it will drop it.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

export { protections };

/** @param {string} url */
export function makeStore(url) {
  return openStore(url);
}
