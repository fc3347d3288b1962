import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A demo app that runs as a separate process. */
export interface Demo {
  readonly child: ChildProcess;
  /** Its output so far. */
  readonly printed: { readonly out: string; readonly err: string };
  /** Resolves to its exit code. */
  readonly ended: Promise<number>;
  /** Resolves to the match when its output matches the pattern. Rejects if the app ends first. */
  untilPrinted(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts a demo app with exactly this environment. */
export function startDemo(file: string, env: NodeJS.ProcessEnv): Demo {
  const child = spawn(process.execPath, [file], { env, stdio: ["ignore", "pipe", "pipe"] });
  const printed = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    printed.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    printed.err += chunk;
  });
  const ended = once(child, "close").then(([code]) => code as number);
  return {
    child,
    printed,
    ended,
    async untilPrinted(pattern) {
      for (;;) {
        const match = pattern.exec(printed.out);
        if (match !== null) return match;
        await Promise.race([
          once(child.stdout, "data"),
          ended.then(() => Promise.reject(new Error(`it ended: ${printed.err}`))),
        ]);
      }
    },
  };
}
