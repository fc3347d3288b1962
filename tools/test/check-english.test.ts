import { expect, test } from "vitest";
import { folderWith, runTool } from "./fixture.js";

test("accepts good English, and ignores code", () => {
  const folder = folderWith({
    "packages/core/src/a.ts": [
      "/** Returns the state; `undefined` if there is none. */",
      "/** What does it cost? */",
      "// There is no longer a limit.",
      "// Continues a comment about",
      "// what the line above says.",
    ].join("\n"),
    "packages/core/src/a.generated.ts": "// What is told is none.",
    "packages/core/node_modules/b/README.md": "It goes on anew.",
  });
  const { code, output } = runTool("check-english.mjs", folder);
  expect(output).toContain("1 files: 0 phrases");
  expect(code).toBe(0);
});

test.each([
  ["packages/core/src/a.ts", "log('the limiter is told');", "told, tells"],
  ["docs/a.md", "A message that is none.", "is none"],
  ["docs/a.md", "This is no key.", "is none"],
  ["packages/core/src/a.ts", "/** What a guard works with. */", "What …, Who …"],
  ["packages/core/src/a.ts", "/**\n * Whoever asks.\n */", "What …, Who …"],
  ["packages/core/src/a.ts", "/** @returns what was asked */", "What …, Who …"],
  ["packages/core/src/a.lua", "-- Whether it fits.", "What …, Who …"],
  ["tools/a.mjs", "// The charge was given back.", "gives back"],
  [".changeset/a.md", "The limiter goes on.", "goes on"],
  ["README.md", "Start anew, with a name of your own, in place of it.", "of its own"],
  ["packages/core/src/a.ts", "throw new Error(`limit is ${limit}: give a number`);", "give …"],
])("limits phrases to avoid in %s: %s", (file, text, name) => {
  const folder = folderWith({ [file]: `${text}\n\n`.repeat(50) });
  const { code, output } = runTool("check-english.mjs", folder);
  expect(output).toContain(name);
  expect(output).toContain(`  ${file}:`);
  expect(code).toBe(1);
});
