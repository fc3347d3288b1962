import { afterAll, beforeAll, describe, it } from "vitest";
import * as sqlite from "../src/index.js";
import { sqliteSuite } from "./suite.mjs";

// libsql is the only client that works on every version of Node.js. The others are tested in runtimes.test.ts.
describe("libsql", () => sqliteSuite({ describe, it, beforeAll, afterAll }, sqlite, "libsql", 10_000));
