import { type ChildProcess, execFile } from "node:child_process";
import { CONNECTIONS, type LoadGenerator } from "./generator.js";

export const wrk: LoadGenerator = {
  name: "wrk",

  async version() {
    // Here wrk prints its version and fails.
    const { stdout, missing } = await runWrk(["--version"]);
    return missing ? undefined : (/wrk (?:debian\/)?(\S+)/.exec(stdout)?.[1] ?? "unknown");
  },

  async start() {
    const running = new Set<ChildProcess>();
    return {
      async run(url, durationMs) {
        // The duration of wrk is in whole seconds.
        const seconds = Math.max(1, Math.round(durationMs / 1_000));
        const { stdout, error } = await runWrk(["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, url], running);
        const requests = Number(/^\s*(\d+) requests in /m.exec(stdout)?.[1]);
        const rate = Number(/^Requests\/sec:\s*([\d.]+)$/m.exec(stdout)?.[1]);
        if (!(requests > 0 && rate > 0)) throw new Error(`wrk did not report a rate: ${stdout || error?.message}`);
        const failed = /^\s*(Non-2xx.*|Socket errors.*)$/m.exec(stdout)?.[1];
        if (failed !== undefined) throw new Error(`requests failed: ${failed}`);
        return { requests, durationS: requests / rate };
      },
      async stop() {
        for (const child of running) child.kill("SIGTERM");
      },
    };
  },
};

interface Output {
  readonly stdout: string;
  readonly error: Error | null;
  readonly missing: boolean;
}

function runWrk(args: readonly string[], running?: Set<ChildProcess>): Promise<Output> {
  return new Promise((resolve) => {
    const child = execFile(wrk.name, [...args], (error, stdout) => {
      running?.delete(child);
      resolve({ stdout, error, missing: error?.code === "ENOENT" });
    });
    running?.add(child);
  });
}
