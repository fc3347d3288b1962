// The conformance suite for node:test, on the kind of client that an argument names.
import { after, before, describe, it } from "node:test";
import * as sqlite from "@sluice/store-sqlite";
import { sqliteSuite } from "./suite.mjs";

const [kind = "", operations = "1000"] = process.argv.slice(2);
describe(kind, () =>
  sqliteSuite({ describe, it, beforeAll: before, afterAll: after }, sqlite, kind, Number(operations)),
);
