import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { CaseOrder, CaseReply, CaseRequest } from "./case-message.js";

/** The process of one case, as its parent uses it. */
export interface CaseProcess {
  /** Takes one measurement: a number for each row of the case. */
  run(): Promise<readonly number[]>;
  /** Ends the process, by force if it takes long. May be called twice. */
  stop(): Promise<void>;
}

/** Limits after which a process that hangs is killed. */
const LONGEST_ANSWER_MS = 90_000;
const LONGEST_STOP_MS = 5_000;

/**
 * Starts a process for a case, so that garbage, timers and optimised code of other cases do not affect it. Resolves
 * when the process is ready.
 */
export async function startCase(
  order: CaseOrder,
  {
    execPath = process.execPath,
    profileFolder,
    signal,
  }: { execPath: string | undefined; profileFolder: string | undefined; signal: AbortSignal },
): Promise<CaseProcess> {
  const profile = profileFolder === undefined ? [] : ["--cpu-prof", profileOptions(profileFolder, order.id)].flat();
  const child = fork(new URL("./case-process.js", import.meta.url), [JSON.stringify(order)], {
    execPath,
    execArgv: ["--expose-gc", ...profile],
    env: { ...process.env, NODE_ENV: "production" },
  });
  const abort = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", abort, { once: true });

  async function stop(): Promise<void> {
    signal.removeEventListener("abort", abort);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    const force = setTimeout(() => child.kill("SIGKILL"), LONGEST_STOP_MS);
    if (child.connected) child.send("stop" satisfies CaseRequest, () => {});
    else child.kill("SIGTERM");
    await gone;
    clearTimeout(force);
  }

  try {
    await replyOf(child, order.id);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    async run() {
      const answered = replyOf(child, order.id);
      child.send("run" satisfies CaseRequest);
      const reply = await answered;
      if (!("values" in reply)) throw new Error(`${order.id} answered without a number`);
      return reply.values;
    },
    stop,
  };
}

function profileOptions(folder: string, id: string): string[] {
  return [`--cpu-prof-dir=${folder}`, `--cpu-prof-name=${id}.cpuprofile`];
}

/** The next reply. Rejects if the reply is an error, if the process ends first, or if it takes too long. */
function replyOf(child: ChildProcess, id: string): Promise<CaseReply> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      settle();
      reject(new Error(`${id} took longer than ${LONGEST_ANSWER_MS / 1000} s`));
    }, LONGEST_ANSWER_MS);
    const onMessage = (reply: CaseReply): void => {
      settle();
      if ("error" in reply) reject(new Error(`${id} failed: ${reply.error}`));
      else resolve(reply);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      settle();
      reject(new Error(`the process of ${id} ended with ${signal ?? `exit code ${code}`}`));
    };
    function settle(): void {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
    }
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}
