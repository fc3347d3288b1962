// A process of processes.test.ts. Its callers send requests for random keys, and it reports the grants of each key.
import { createLimiter, policyFrom } from "@sluice/core";
import { makeStore } from "./process-store.mjs";

process.once("disconnect", () => process.exit());
run(JSON.parse(process.argv[2] ?? "")).then(send, (error) => send({ failed: String(error) }));

/**
 * Sends a message without exiting. The parent ends this process, since it could be notified of an exit before the
 * report.
 *
 * @param {unknown} message
 */
function send(message) {
  process.send?.(message);
}

/** @param {{ setting: string, policies: import("@sluice/core").Policy[], keys: string[], callers: number, calls: number, seed: number }} task */
async function run({ setting, policies, keys, callers, calls, seed }) {
  const store = makeStore(setting);
  // Connects before the start.
  await store.healthCheck();
  const start = new Promise((resolve) => process.once("message", resolve));
  send("ready");
  await start;
  /** @type {Record<string, { asked: number, granted: number }>} */
  const report = {};
  for (const policy of policies) {
    const limiter = createLimiter({
      store,
      policies: policyFrom(policy),
      prefix: `contend ${keys.length}`,
      timeout: "20s",
    });
    await Promise.all(
      Array.from({ length: callers }, async (_, caller) => {
        for (let call = 0; call < calls; call++) {
          const at = Math.imul(seed * 7_919 + caller * 104_729 + call * 1_299_709, 0x9e3779b1) >>> 8;
          const key = keys[at % keys.length] ?? "";
          const { allowed, error } = await limiter.consume(key);
          if (error !== undefined) throw error;
          const name = `${policy.algorithm} ${key}`;
          const { asked, granted } = report[name] ?? { asked: 0, granted: 0 };
          report[name] = { asked: asked + 1, granted: granted + (allowed ? 1 : 0) };
        }
      }),
    );
  }
  return report;
}
