import type { OpenSqliteClient } from "../src/index.js";

export declare function openClient(kind: string, file: string): Promise<OpenSqliteClient>;
