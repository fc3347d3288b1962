import { deno } from "./runtime.js";
import { suiteTests } from "./suite-tests.js";
import { wireTests } from "./wire-tests.js";

await suiteTests(deno());
wireTests(deno());
// A later version of Deno will abort a request's signal only if the client left. This flag already enables that.
wireTests(deno("--unstable-no-legacy-abort"));
