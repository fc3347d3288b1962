import { fork } from "node:child_process";
import { once } from "node:events";
import { versionsOf } from "../environment.js";
import type { Answered, LoadGenerator } from "./generator.js";

/** A run for the process of autocannon. */
export interface AutocannonOrder {
  readonly url: string;
  readonly durationS: number;
}

/** The counts of a run. */
export interface AutocannonReply extends Answered {
  /** Requests that failed, timed out or did not get a 2xx status. */
  readonly failed: number;
}

export const autocannon: LoadGenerator = {
  name: "autocannon",

  async version() {
    return versionsOf(["autocannon"]).autocannon;
  },

  async start() {
    // One process for all runs, so that the warm-up optimises its code.
    const child = fork(new URL("./autocannon-process.js", import.meta.url), { execArgv: [] });
    const gone = once(child, "exit");
    return {
      async run(url, durationMs) {
        const answered = once(child, "message");
        child.send({ url, durationS: durationMs / 1_000 } satisfies AutocannonOrder);
        const ended = gone.then(() => Promise.reject(new Error("the process of autocannon ended")));
        const [reply] = (await Promise.race([answered, ended])) as [AutocannonReply];
        if (reply.failed > 0) throw new Error(`${reply.failed} of ${reply.requests} requests failed`);
        return reply;
      },
      async stop() {
        child.kill("SIGTERM");
        await gone;
      },
    };
  },
};
