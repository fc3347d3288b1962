// Checks the manifest of every public package.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { foldersIn } from "./source-files.mjs";

/**
 * @typedef {object} Address  the addresses of a project
 * @property {string} homepage
 * @property {string} bugs
 * @property {{ type: string; url: string; directory?: string }} repository
 */

/**
 * Returns the problems of the manifests in `packages`: a door whose first condition does not name its source, an
 * address that differs from the root's manifest, a missing field of the package's page, or a peer range that starts at
 * an untested version.
 * @param {string} root
 * @returns {string[]}
 */
export function manifestProblems(root) {
  const own = read(join(root, "package.json"));
  const lowest = lowestPeers(root);
  return foldersIn(root, "packages").flatMap((name) => {
    const folder = `packages/${name}`;
    const manifest = read(join(root, folder, "package.json"));
    const problems = [
      ...doorProblems(root, folder, manifest.exports ?? {}),
      ...addressProblems(own, folder, manifest),
      ...pageProblems(manifest),
      ...peerProblems(manifest, lowest),
    ];
    return problems.map((problem) => `${folder}/package.json: ${problem}`);
  });
}

/**
 * @param {string} root
 * @param {string} folder
 * @param {Record<string, string | Record<string, unknown>>} doors
 */
function doorProblems(root, folder, doors) {
  return Object.entries(doors).flatMap(([door, target]) => {
    if (typeof target === "string") return [];
    // The first condition that applies is used, and "module-sync" applies in Node.js.
    const [[condition, source] = []] = Object.entries(target);
    if (condition === "dev-source" && typeof source === "string" && existsSync(join(root, folder, source))) return [];
    return [`the first condition of exports["${door}"] must be "dev-source", with the path of its source file`];
  });
}

/**
 * @param {Address} own
 * @param {string} folder
 * @param {Address} manifest
 */
function addressProblems(own, folder, manifest) {
  const expected = {
    homepage: `${own.homepage}/tree/main/${folder}`,
    bugs: own.bugs,
    repository: { ...own.repository, directory: folder },
  };
  return Object.entries(expected).flatMap(([field, value]) => {
    const found = manifest[/** @type {keyof Address} */ (field)];
    const wanted = JSON.stringify(value);
    return JSON.stringify(found) === wanted ? [] : [`"${field}" must be ${wanted}, got ${JSON.stringify(found)}`];
  });
}

/**
 * @param {{ description?: string; keywords?: string[]; license?: string; files?: string[] }} manifest
 */
function pageProblems({ description, keywords = [], license, files = [] }) {
  return [
    ...(description ? [] : ['"description" is missing']),
    ...(license === "MIT" ? [] : ['"license" must be "MIT"']),
    ...["rate-limit", "rate-limiter", "throttle"].flatMap((word) =>
      keywords.includes(word) ? [] : [`"keywords" must contain "${word}"`],
    ),
    // npm includes the README and LICENSE automatically.
    ...(files.includes("CHANGELOG.md") ? [] : ['"files" must contain "CHANGELOG.md"']),
  ];
}

/**
 * Returns the versions on which `tests/lowest-peers` runs the suites, as `name@version`.
 * @param {string} root
 */
function lowestPeers(root) {
  const file = join(root, "tests/lowest-peers/package.json");
  const { devDependencies = {}, installedByTests = {} } = existsSync(file) ? read(file) : {};
  const all = Object.entries({ ...devDependencies, ...installedByTests });
  return new Set(all.map(([name, version]) => (version.startsWith("npm:") ? version.slice(4) : `${name}@${version}`)));
}

/**
 * @param {{ peerDependencies?: Record<string, string> }} manifest
 * @param {ReadonlySet<string>} lowest
 */
function peerProblems({ peerDependencies = {} }, lowest) {
  return Object.entries(peerDependencies)
    .filter(([name]) => !name.startsWith("@sluice/"))
    .flatMap(([name, range]) =>
      range.split("||").flatMap((part) => {
        const [version] = /\d+\.\d+\.\d+/.exec(part) ?? [];
        if (version !== undefined && lowest.has(`${name}@${version}`)) return [];
        return [`"${part.trim()}" of the peer ${name} must start at a version in tests/lowest-peers/package.json`];
      }),
    );
}

/** @param {string} file */
function read(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}
