import type { SuiteRunner } from "@sluice/testkit";
import type * as sqlite from "../src/index.js";

export declare function sqliteSuite(runner: SuiteRunner, sqlite: typeof sqlite, kind: string, operations: number): void;
