import { createHash } from "node:crypto";
import type { Statement } from "./postgres-client.js";

/** Every statement that the store sends: each is a call of a function that `migrate` created. */
export interface Statements {
  readonly decide: Statement;
  readonly compareAndSet: Statement;
  /** The same for several entries, at which it only looks: an array of its results. */
  readonly look: Statement;
  readonly forget: Statement;
  readonly sweep: Statement;
  readonly exportEntries: Statement;
  readonly importEntries: Statement;
}

/** The statements for the table that `rename` knows. Arguments are sent as text, whatever types a client makes of them. */
export function statementsFor(rename: (sql: string) => string): Statements {
  const named = (sql: string): Statement => {
    const text = rename(sql);
    return { name: `sluice_${createHash("sha256").update(text).digest("hex").slice(0, 16)}`, text };
  };
  const call = (name: string, ...types: string[]): Statement => {
    const values = types.map((type, i) => `$${i + 1}::text::${type}`);
    return named(`SELECT "sluice"."entries_${name}"(${values.join(", ")})::text`);
  };
  const numbers = "double precision[]";
  return {
    decide: call("decide_2", "double precision", "text[]", "integer[]", numbers, numbers, "boolean"),
    compareAndSet: call(
      "compare_and_set_2",
      "bigint",
      "text",
      "text",
      "bigint",
      "bigint",
      "bigint[]",
      "text",
      "bigint",
    ),
    look: call("look_2", "bigint", "text[]"),
    forget: call("forget_2", "text"),
    sweep: call("sweep_1", "bigint", "bigint", "bigint"),
    exportEntries: call("export_2", "text", "bigint"),
    importEntries: call("import_2", "json"),
  };
}
