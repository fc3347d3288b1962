import { createHash } from "node:crypto";
import type { ExportedEntry } from "@sluice/core/store";
import { describe, expect, it } from "vitest";
import { type ModelStore, modelStore } from "../src/index.js";
import { runGroup } from "./collecting-runner.js";

const HOUR_MS = 3_600_000;

/** A model store with one of its two methods replaced. */
function broken(replace: (model: ModelStore) => Partial<ModelStore>): () => ModelStore {
  return () => {
    const model = modelStore();
    return { ...model, ...replace(model) };
  };
}

/** Stores that import entries incorrectly. */
const IMPORTS: readonly [fault: string, replace: (model: ModelStore) => Partial<ModelStore>][] = [
  [
    "overwrites live entries",
    (model) => ({
      async importEntries(entries) {
        for (const { key } of entries) await model.delete(key);
        return model.importEntries(entries);
      },
    }),
  ],
  [
    "does not report the entries that it did not write",
    (model) => ({ importEntries: (entries) => model.importEntries(entries).then(() => []) }),
  ],
  [
    "reports that it skipped all entries",
    (model) => ({ importEntries: (entries) => model.importEntries(entries).then(() => entries) }),
  ],
  [
    "writes only the first of many entries",
    (model) => ({ importEntries: (all) => model.importEntries(all.slice(0, 900)) }),
  ],
  [
    "keeps entries for ever",
    (model) => ({ importEntries: (all) => model.importEntries(all.map((it) => ({ ...it, expiresAtMs: 2 ** 50 }))) }),
  ],
  [
    "expires entries too early",
    (model) => ({
      importEntries: (all) =>
        model.importEntries(
          all.map((it) => ({ ...it, expiresAtMs: Math.min(it.expiresAtMs, Date.now() + HOUR_MS / 1e5) })),
        ),
    }),
  ],
  [
    "uses a digest as a key",
    (model) => ({ importEntries: (all) => model.importEntries(all.map(({ digested: _, ...it }) => it)) }),
  ],
  [
    "writes half of the entries that it refuses",
    (model) => ({
      async importEntries(entries) {
        await model.importEntries(entries.filter(({ digested }) => !digested));
        return model.importEntries(entries);
      },
    }),
  ],
  [
    "mixes up odd keys",
    (model) => ({
      importEntries: (all) => model.importEntries(all.map((it) => ({ ...it, key: it.key.slice(0, 2_000) }))),
    }),
  ],
  [
    "forgets blocks",
    (model) => ({
      importEntries: (all) =>
        model.importEntries(
          all.map((it) => (isEntry(it.state) ? { ...it, state: [1, 0, it.state[2]] } : it) satisfies ExportedEntry),
        ),
    }),
  ],
];

/** Stores that list their entries incorrectly. */
const EXPORTS: readonly [fault: string, replace: (model: ModelStore) => Partial<ModelStore>][] = [
  ["lists only one page", (model) => ({ exportEntries: () => first(model.exportEntries(), 1_000) })],
  ["lists entries twice", (model) => ({ exportEntries: () => twice(model.exportEntries()) })],
  ["lists nothing", () => ({ exportEntries: () => first(modelStore().exportEntries(), 0) })],
  ["has no times", (model) => ({ exportEntries: () => mapped(model, (it) => ({ ...it, expiresAtMs: 0 })) })],
  [
    "lists states as text",
    (model) => ({ exportEntries: () => mapped(model, (it) => ({ ...it, state: JSON.stringify(it.state) })) }),
  ],
  [
    "lists only digests",
    (model) => ({
      exportEntries: () =>
        mapped(model, (it) => ({ ...it, key: createHash("sha256").update(it.key).digest("hex"), digested: true })),
    }),
  ],
];

async function* first(entries: AsyncIterable<ExportedEntry>, count: number): AsyncGenerator<ExportedEntry> {
  let left = count;
  for await (const entry of entries) {
    if (left-- <= 0) return;
    yield entry;
  }
}

async function* twice(entries: AsyncIterable<ExportedEntry>): AsyncGenerator<ExportedEntry> {
  for await (const entry of entries) yield* [entry, entry];
}

async function* mapped(
  model: ModelStore,
  change: (entry: ExportedEntry) => ExportedEntry,
): AsyncGenerator<ExportedEntry> {
  for await (const entry of model.exportEntries()) yield change(entry);
}

function isEntry(state: unknown): state is [1, number, unknown] {
  return Array.isArray(state) && state.length === 3;
}

describe("the suite", () => {
  it.each(IMPORTS)("finds a store that %s", async (_, replace) => {
    expect((await runGroup("import", broken(replace))).failed).not.toEqual([]);
  });

  it.each(EXPORTS)("finds a store that %s", async (_, replace) => {
    expect((await runGroup("export", broken(replace))).failed).not.toEqual([]);
  });

  it.each(["import", "export"] as const)("accepts a correct store in the group %s", async (group) => {
    expect((await runGroup(group, modelStore)).failed).toEqual([]);
  });
});
