import { describe, expect, it } from "vitest";
import { ensureSystemPackages } from "../lib/system-packages.mjs";

const install = "install -q -y --no-install-recommends";

interface Circumstances {
  readonly env?: NodeJS.ProcessEnv;
  /** The commands that exist. */
  readonly has?: readonly string[];
  readonly isRoot?: boolean;
  /** The answer at the terminal. `undefined` without a terminal. */
  readonly answer?: boolean | undefined;
  /** The commands that are still missing after a successful installation. */
  readonly neverThere?: readonly string[];
}

/** Runs it on such a machine, and returns the effects. */
function ensuredOn({ env = {}, has = ["apt-get"], isRoot = true, answer, neverThere = [] }: Circumstances) {
  const there = new Set(has);
  const brings: Readonly<Record<string, string>> = { "default-jre-headless": "java" };
  const ran: string[] = [];
  const asked: string[] = [];
  const logged: string[] = [];
  let error: string | undefined;
  try {
    ensureSystemPackages({
      env,
      has: (command) => there.has(command),
      isRoot,
      ask:
        answer === undefined
          ? undefined
          : (question) => {
              asked.push(question);
              return answer;
            },
      run(command, args) {
        const line = [command, ...args].join(" ").replace("env DEBIAN_FRONTEND=noninteractive ", "");
        ran.push(line);
        if (!line.includes(install)) return !line.startsWith("sudo -n true") || there.has("passwordless");
        const names = line.slice(line.indexOf(install) + install.length + 1).split(" ");
        const commands = names.map((name) => brings[name] ?? name).filter((command) => !neverThere.includes(command));
        for (const command of commands) there.add(command);
        return commands.length === names.length;
      },
      log: (text) => logged.push(text),
    });
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
  }
  return { ran, asked, logged, error };
}

const installsAll = [
  "apt-get update -q",
  `apt-get ${install} redis-server default-jre-headless`,
  `apt-get ${install} pgbouncer`,
];

describe("system packages", () => {
  it.each([
    ["CI", { CI: "true" }],
    ["CI, by another value", { CI: "1" }],
    ["SLUICE_INSTALL=1", { SLUICE_INSTALL: "1" }],
  ])("are installed without a question with %s", (_, env) => {
    const { ran, asked, error } = ensuredOn({ env, answer: false });
    expect({ ran, asked, error }).toEqual({ ran: installsAll, asked: [], error: undefined });
  });

  it("are installed after a yes at the terminal", () => {
    const { ran, asked, error } = ensuredOn({ answer: true });
    expect({ ran, error }).toEqual({ ran: installsAll, error: undefined });
    expect(asked).toEqual([
      "The tests need redis-server, java, pgbouncer. Install redis-server default-jre-headless pgbouncer with apt-get?",
    ]);
  });

  it.each([
    ["there is no terminal", {}, undefined],
    ["the answer is no", {}, false],
    ["SLUICE_INSTALL is 0, in CI too", { CI: "true", SLUICE_INSTALL: "0" }, true],
    ["CI is false", { CI: "false" }, undefined],
  ])("are not installed if %s, and the error says how to install them", (_, env, answer) => {
    const { ran, error } = ensuredOn({ env, answer });
    expect(ran).toEqual([]);
    expect(error).toContain("The tests start redis-server and java, which this machine lacks.");
    expect(error).toContain("apt-get install redis-server default-jre-headless pgbouncer");
    expect(error).toContain("SLUICE_INSTALL=1");
    expect(error).toContain("npm run test:unit");
  });

  it("are not installed if apt-get is missing or would need a password", () => {
    for (const has of [["apt-get", "sudo"], ["apt-get"], []]) {
      const { ran, asked, error } = ensuredOn({ env: { CI: "true" }, has, isRoot: false, answer: true });
      expect(ran.filter((line) => line.includes("install"))).toEqual([]);
      expect(asked).toEqual([]);
      expect(error).toContain("Install with: ");
      expect(error).not.toContain("SLUICE_INSTALL");
    }
  });

  it("are installed if sudo needs no password", () => {
    const has = ["apt-get", "sudo", "passwordless"];
    const { ran, error } = ensuredOn({ env: { CI: "true" }, has, isRoot: false });
    expect(ran).toEqual(["sudo -n true", ...installsAll.map((line) => `sudo -n ${line}`)]);
    expect(error).toBeUndefined();
  });

  it("are not installed again if nothing is missing", () => {
    const has = ["redis-server", "java", "pgbouncer"];
    expect(ensuredOn({ has })).toEqual({ ran: [], asked: [], logged: [], error: undefined });
  });

  it("are optional if only some tests need them", () => {
    const { ran, logged, error } = ensuredOn({ has: ["redis-server", "java"] });
    expect({ ran, error }).toEqual({ ran: [], error: undefined });
    expect(logged).toEqual([expect.stringMatching(/^pgbouncer is missing, so its tests are skipped\. Install with: /)]);
  });

  it("cause an error if they are required and can't be installed", () => {
    const env = { CI: "true" };
    expect(ensuredOn({ env, neverThere: ["java"] }).error).toContain("The tests start java, which");
    expect(ensuredOn({ env, neverThere: ["pgbouncer"] }).error).toBeUndefined();
  });
});
