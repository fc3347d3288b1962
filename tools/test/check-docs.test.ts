import { expect, test } from "vitest";
import { folderWith, runTool } from "./fixture.js";

const fence = "```";

test("accepts blocks that compile, with their declarations", () => {
  const folder = folderWith({
    "README.md": `# A\n\n${fence}ts\nexport const a: number = 1;\n${fence}\n\n${fence}sh\nnot typescript\n${fence}\n`,
    "docs/deep/page.md": `<!-- docs: declare const redis: import("ioredis").Redis; -->\n\n${fence}ts\nawait redis.get("a");\n${fence}\n`,
    "packages/express/README.md": `${fence}ts\nimport express from "express";\nexpress().listen(3000);\n${fence}\n`,
  });
  expect(runTool("check-docs.mjs", folder)).toEqual({ code: 0, output: "3 code blocks on 3 pages: all compile\n" });
});

test("a block that begins with its file's name can be imported by blocks of its page", () => {
  const named = `${fence}ts\n// store.ts\nexport const limit: number = 1;\n${fence}\n`;
  const using = (type: string) =>
    `\n${fence}ts\nimport { limit } from "./store.js";\nconst own: ${type} = limit;\n${fence}\n`;
  const run = (markdown: string) => runTool("check-docs.mjs", folderWith({ "README.md": markdown }));
  expect(run(named + using("number")).code).toBe(0);
  expect(run(named + using("string")).output).toContain("README.md:8: error TS2322");
  expect(run(using("number")).output).toContain("error TS2307");
});

test("a named block can be imported by other pages, from any folder and with any ending", () => {
  const using = (specifier: string) =>
    `${fence}ts\nimport { limit } from "${specifier}";\nconst own: string = limit;\n${fence}\n`;
  const { output } = runTool(
    "check-docs.mjs",
    folderWith({
      "docs/a.md": `${fence}ts\n// store.ts\nexport const limit: number = 1;\n${fence}\n`,
      "docs/b.md": using("./store") + using("./store.ts") + using("../../lib/store.js"),
    }),
  );
  const errors = [3, 7, 11].map((line) => `docs/b.md:${line}: error TS2322`);
  expect(new Set(output.match(/docs\/b\.md:\d+: error TS\d+/g))).toEqual(new Set(errors));
});

test("a block can declare a file of the reader's app that it imports", () => {
  const file = "<!-- docs:\n// app.ts\nexport const port: number = 1;\n-->\n";
  const using = `${fence}ts\nimport { port } from "./app.js";\nconst own: string = port;\n${fence}\n`;
  const { output } = runTool("check-docs.mjs", folderWith({ "README.md": file + using }));
  expect(output.match(/README\.md:\d+: error TS\d+/g)).toEqual(["README.md:7: error TS2322"]);
});

test.each([
  ["a type error", `line 1\n\n${fence}ts\nconst a = 1;\nconst b: string = a;\n${fence}\n`, "README.md:5: error TS2322"],
  ["an unknown name", `- item\n\n  ${fence}js\n  store.close();\n  ${fence}\n`, "README.md:4: error TS2304"],
  ["an unknown package", `${fence}tsx\nimport a from "@sluice/unheard-of";\n${fence}\n`, "README.md:2: error TS2307"],
  ["a syntax error", `${fence}ts\nconst = ;\n${fence}\n`, "README.md:2: error TS"],
  [
    "a wrong declaration",
    `<!-- docs:\ndeclare const a: Unheard;\n-->\n${fence}ts\na;\n${fence}\n`,
    "README.md:2: error TS2304",
  ],
  [
    "a declaration that is not just before",
    `<!-- docs: declare const a: 1; -->\n\ntext\n\n${fence}ts\na;\n${fence}\n`,
    "README.md:6: error TS2304",
  ],
])("reports %s with its line", (_, markdown, problem) => {
  const { code, output } = runTool("check-docs.mjs", folderWith({ "README.md": markdown }));
  expect(output).toContain(problem);
  expect(code).toBe(1);
});
