import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type Ended, run } from "./consumer.js";

/** An empty home folder and empty folders for projects. */
export interface EmptyMachine {
  /** The environment of the programs that run there. */
  readonly env: NodeJS.ProcessEnv;
  /** Creates an empty folder, with a `package.json` for ES modules if `manifest` is true. */
  folder(manifest?: boolean): string;
  /** Runs lines as typed into a shell. */
  type(folder: string, lines: string, env?: NodeJS.ProcessEnv): Promise<Ended>;
  remove(): void;
}

/**
 * Creates an empty machine whose package managers use a registry.
 *
 * @param programs additional commands, by name
 */
export function emptyMachine(registry: string, programs: Readonly<Record<string, string>> = {}): EmptyMachine {
  const parent = mkdtempSync(join(tmpdir(), "sluice-empty-"));
  const home = join(parent, "home");
  const bin = join(parent, "bin");
  mkdirSync(home);
  mkdirSync(bin);
  for (const [name, file] of Object.entries(programs)) symlinkSync(file, join(bin, name));
  writeFileSync(join(home, ".npmrc"), `registry=${registry}\n`);

  // Proxies and certificates of this machine apply, since the network may need them.
  const network = Object.entries(process.env).filter(([name]) => /proxy$|_ca_certs$|^ssl_cert/i.test(name));
  const path = [bin, dirname(process.execPath), process.env.PATH ?? ""].join(delimiter);
  // Deno uses only its own certificates by default, but a network may need others.
  const deno = { DENO_TLS_CA_STORE: "system,mozilla" };
  const env = { ...deno, ...Object.fromEntries(network), PATH: path, HOME: home };
  let created = 0;
  return {
    env,
    folder(manifest = false) {
      created += 1;
      const folder = join(parent, `project-${created}`);
      mkdirSync(folder);
      if (manifest) writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
      return folder;
    },
    type: (folder, lines, extra) => run(folder, "sh", ["-e", "-c", lines], { ...env, ...extra }, true),
    remove: () => rmSync(parent, { recursive: true, force: true }),
  };
}
