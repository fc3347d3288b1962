import { node } from "./runtime.js";
import { wireTests } from "./wire-tests.js";

// The adapters' own tests already run the suite on this version.
wireTests(node());
