// The conformance suite for node:test, with the kind of client given as an argument.
import { after, before, describe, it } from "node:test";
import * as sqlite from "@sluice/store-sqlite";
import { sqliteSuite } from "./suite.mjs";

const [kind = "", operations = "1000"] = process.argv.slice(2);
describe(kind, () =>
  sqliteSuite({ describe, it, beforeAll: before, afterAll: after }, sqlite, kind, Number(operations)),
);
