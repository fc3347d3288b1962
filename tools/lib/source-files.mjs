import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Returns the files below a folder with an ending, sorted, as paths from `root` with forward slashes.
 * @param {string} root
 * @param {string} folder
 * @param {string} ending
 * @returns {string[]}
 */
export function filesBelow(root, folder, ending) {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending) && !/(^|[\\/])(node_modules|dist|\.content|\.cache)[\\/]/.test(file))
    .map((file) => join(folder, file).replaceAll("\\", "/"))
    .sort();
}

/**
 * Returns the names of the folders directly in a folder.
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
export function foldersIn(root, folder) {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
    .map((entry) => entry.name)
    .sort();
}
