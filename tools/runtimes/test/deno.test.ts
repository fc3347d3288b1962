import { deno } from "./runtime.js";
import { suiteTests } from "./suite-tests.js";
import { wireTests } from "./wire-tests.js";

await suiteTests(deno());
wireTests(deno());
// Deno is about to abort the signals only of clients that left, and offers that already.
wireTests(deno("--unstable-no-legacy-abort"));
