import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { demos } from "../lib/demos.mjs";
import { root } from "../lib/process.mjs";

const read = (page: string): string => readFileSync(join(root, "apps", page), "utf8");

test("every app is a demo", () => {
  const apps = readdirSync(join(root, "apps"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(apps.map(({ name }) => name).sort()).toEqual([...demos.values()].sort());
});

test.each([...demos])("the demo %s has a page with its command, what to try and the results", (name, app) => {
  const page = read(`${app}/README.md`);
  const command = name === "memory" ? "npm run demo" : `npm run demo -- ${name}`;
  expect(page).toContain(`\`\`\`sh\n${command}\n\`\`\``);
  expect(page).toContain("curl ");
  expect(page).toMatch(/^429\b/m);
  expect(read("README.md")).toContain(`| \`${command}\` |`);
  expect(read("README.md")).toContain(`](${app}/README.md)`);
});

test.each([...demos.values()])("the links of %s lead to files", (app) => {
  const links = [...read(`${app}/README.md`).matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link ?? "");
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter((link) => !existsSync(join(root, "apps", app, link)))).toEqual([]);
});
