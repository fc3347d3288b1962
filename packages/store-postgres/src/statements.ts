import { createHash } from "node:crypto";
import type { Statement } from "./postgres-client.js";

/** Every statement that the store sends: each is a call of a function that `migrate` made. */
export interface Statements {
  readonly decide: Statement;
  readonly compareAndSet: Statement;
  readonly forget: Statement;
  readonly sweep: Statement;
  readonly exportEntries: Statement;
  readonly importEntries: Statement;
}

/** The statements for the table that `rename` knows. Arguments are sent as text, whatever types a client makes of them. */
export function statementsFor(rename: (sql: string) => string): Statements {
  const call = (name: string, ...types: string[]): Statement => {
    const values = types.map((type, i) => `$${i + 1}::text::${type}`);
    const text = rename(`SELECT "sluice"."entries_${name}"(${values.join(", ")})::text`);
    return { name: `sluice_${createHash("sha256").update(text).digest("hex").slice(0, 16)}`, text };
  };
  const numbers = "double precision[]";
  return {
    decide: call("decide_1", "double precision", "text[]", "integer[]", numbers, numbers),
    compareAndSet: call("compare_and_set_1", "bigint", "text", "text", "bigint", "bigint[]", "text", "bigint"),
    forget: call("forget_1", "text"),
    sweep: call("sweep_1", "bigint", "bigint", "bigint"),
    exportEntries: call("export_1", "text", "bigint"),
    importEntries: call("import_1", "json"),
  };
}
