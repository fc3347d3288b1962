import { node } from "./runtime.js";
import { suiteTests } from "./suite-tests.js";
import { wireTests } from "./wire-tests.js";

const runtime = node("node24");
await suiteTests(runtime);
wireTests(runtime);
