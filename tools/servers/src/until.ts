import { setTimeout as sleep } from "node:timers/promises";

/** Checks a condition repeatedly until it is true. */
export async function until(what: string, check: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`Gave up after ${timeoutMs} ms waiting until ${what}`);
    await sleep(10);
  }
}
