import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { defineConfig } from "vitest/config";

/** Every folder with a `test` folder is a project of its own, named after the folder. */
const folders = ["packages", "apps", "tools"]
  .flatMap((parent) => readdirSync(parent).map((name) => join(parent, name)))
  .concat("bench", "tools")
  .filter((folder) => existsSync(join(folder, "test")));

export default defineConfig({
  test: {
    projects: folders.map((folder) => ({
      extends: true,
      test: {
        name: basename(folder),
        root: folder,
        include: ["test/**/*.test.ts"],
      },
    })),
  },
});
