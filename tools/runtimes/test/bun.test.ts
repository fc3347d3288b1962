import { bun } from "./runtime.js";
import { suiteTests } from "./suite-tests.js";
import { wireTests } from "./wire-tests.js";

await suiteTests(bun);
wireTests(bun);
