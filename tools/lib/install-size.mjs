// Measures the disk space of the packages after installation.
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { foldersIn } from "./source-files.mjs";

/**
 * @typedef {object} InstallSize  in kilobytes of 1,000 bytes, rounded up
 * @property {number} unpackedKb  of the package alone
 * @property {number} installedKb  with all direct and indirect dependencies, without peers
 */

/**
 * Returns the sizes of all packages by their names.
 * @param {string} root the folder of the repository, whose dependencies are installed
 * @param {readonly string[]} tarballs the packed packages
 * @returns {Record<string, InstallSize>}
 */
export function installSizes(root, tarballs) {
  const packed = new Map(
    tarballs.map((tarball) => unpack(readFileSync(tarball))).map((one) => [one.manifest.name, one]),
  );
  const folders = new Map(
    foldersIn(root, "packages").map((name) => {
      const folder = join(root, "packages", name);
      return [JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).name, folder];
    }),
  );
  return Object.fromEntries(
    [...packed].map(([name, { bytes }]) => {
      /** @type {Map<string, number>} */
      const found = new Map();
      add(name, folders.get(name) ?? root);
      const installed = [...found.values()].reduce((sum, size) => sum + size, 0);
      return [name, { unpackedKb: kilobytes(bytes), installedKb: kilobytes(installed) }];

      /**
       * @param {string} dependency
       * @param {string} from the folder of the package that depends on it
       */
      function add(dependency, from) {
        const own = packed.get(dependency);
        const folder = folders.get(dependency) ?? installedFolder(dependency, from);
        const id = own === undefined ? folder : dependency;
        if (found.has(id)) return;
        found.set(id, own === undefined ? bytesBelow(folder) : own.bytes);
        const manifest = own?.manifest ?? JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        for (const next of Object.keys(manifest.dependencies ?? {})) add(next, folder);
      }
    }),
  );
}

/**
 * Returns which sizes exceed their limits, and which packages have no limit.
 * @param {Record<string, InstallSize>} sizes
 * @param {Record<string, InstallSize>} limits
 * @returns {string[]}
 */
export function sizeProblems(sizes, limits) {
  const above = Object.entries(sizes).flatMap(([name, size]) => {
    const limit = limits[name];
    if (limit === undefined) return [`${name} has no limit: ${JSON.stringify(size)}`];
    return /** @type {const} */ (["unpackedKb", "installedKb"]).flatMap((kind) =>
      size[kind] > limit[kind] ? [`${name}: ${kind} is ${size[kind]}, must be at most ${limit[kind]}`] : [],
    );
  });
  const gone = Object.keys(limits).filter((name) => sizes[name] === undefined);
  return [...above, ...gone.map((name) => `${name} has a limit but is not a package`)];
}

/**
 * @param {Uint8Array} tarball
 * @returns {{ manifest: { name: string; dependencies?: Record<string, string> }; bytes: number }}
 */
function unpack(tarball) {
  const tar = gunzipSync(tarball);
  let bytes = 0;
  let manifest = "";
  // Each entry has a block of 512 bytes, with the name at 0 and the octal size at 124, followed by the content in whole
  // blocks.
  for (let at = 0; tar[at]; ) {
    const name = tar.toString("utf8", at, tar.indexOf(0, at));
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 136), 8);
    if (name === "package/package.json") manifest = tar.toString("utf8", at + 512, at + 512 + size);
    bytes += size;
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return { manifest: JSON.parse(manifest), bytes };
}

/**
 * @param {string} name
 * @param {string} from
 * @returns {string}
 */
function installedFolder(name, from) {
  const folder = join(from, "node_modules", name);
  if (existsSync(folder)) return realpathSync(folder);
  if (dirname(from) === from) throw new Error(`${name} is not installed`);
  return installedFolder(name, dirname(from));
}

/** @param {string} folder */
function bytesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return Math.ceil(bytes / 1_000);
}
