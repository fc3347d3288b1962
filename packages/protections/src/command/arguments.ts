import { parseArgs } from "node:util";
import { SluiceError } from "@sluice/core";
import { parseSetting } from "../storage/setting.js";

/** What the command line asks for. */
export type Request =
  | { readonly kind: "help" | "version" }
  | {
      readonly kind: "migrate";
      readonly from: string;
      readonly to: string;
      readonly dryRun: boolean;
      readonly create: boolean;
      readonly json: boolean;
      readonly progress: boolean;
    };

/** Arguments that make no sense, in words for the one who gave them. */
export class UsageError extends Error {}

const OPTIONS = {
  "dry-run": { type: "boolean" },
  create: { type: "boolean" },
  json: { type: "boolean" },
  "no-progress": { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

/** @throws UsageError; SluiceError `INVALID_STORAGE` */
export function readArguments(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Request {
  const { values, positionals } = parse(args);
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  const [command, from, to, ...rest] = positionals;
  if (command === undefined) throw new UsageError("a command is missing: migrate");
  // Not told: it may be a storage with a password.
  if (command !== "migrate") throw new UsageError("the first argument is no command; there is one, migrate");
  if (from === undefined || to === undefined || rest.length > 0) {
    throw new UsageError(`migrate takes two storages, FROM and TO, and ${positionals.length - 1} were given`);
  }
  const [source, target] = [settingOf(from, "FROM", env), settingOf(to, "TO", env)];
  if (source === target) throw new UsageError("FROM and TO are the same storage");
  return {
    kind: "migrate",
    from: source,
    to: target,
    dryRun: values["dry-run"] ?? false,
    create: values.create ?? false,
    json: values.json ?? false,
    progress: !(values["no-progress"] ?? false),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function settingOf(given: string, place: string, env: Readonly<Record<string, string | undefined>>): string {
  const [, name] = /^env:(.*)$/s.exec(given) ?? [];
  const storage = name === undefined ? given : env[name];
  if (storage === undefined || storage === "") {
    throw new UsageError(`${place} is the environment variable ${JSON.stringify(name)}, which is not set`);
  }
  const { scheme, path } = parseSetting(storage);
  if (scheme === "memory" || path === ":memory:") {
    throw new SluiceError(
      "INVALID_STORAGE",
      `${place} is ${JSON.stringify(storage)}, which is the memory of this command: it is empty, and gone when the command ends. ` +
        "A process moves its own memory by migrate() of @sluice/protections",
    );
  }
  return storage;
}
