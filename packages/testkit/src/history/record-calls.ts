import { randomUUID } from "node:crypto";
import type { Decision, Limiter } from "@sluice/core";
import type { RecordedCall } from "./recorded-call.js";

/** A limiter whose calls are recorded. */
export interface Recorder {
  /** The answered calls, in the order of their answers. */
  readonly calls: readonly RecordedCall[];
  consume(key: string, cost?: number): Promise<Decision>;
  /** Refunds a decision of this recorder. */
  refund(decision: Decision): Promise<boolean>;
  reset(key: string): Promise<void>;
}

interface Sent {
  readonly id: string;
  readonly key: string;
}

/**
 * Records the calls to a limiter, for {@link overAdmissions}. Times are those of `Date.now()`, which the processes of one
 * machine share. To join the histories of several processes, concatenate their `calls`.
 */
export function recordCalls(limiter: Pick<Limiter, "consume" | "refund" | "reset">): Recorder {
  const calls: RecordedCall[] = [];
  const sent = new WeakMap<Decision, Sent>();
  // The clock shows only whole milliseconds that have passed, so the answer came by the next one.
  const receivedMs = (): number => Date.now() + 1;

  return {
    calls,

    async consume(key, cost = 1) {
      const [id, sentMs] = [randomUUID(), Date.now()];
      const decision = await limiter.consume(key, { cost });
      const { allowed, source } = decision;
      if (source === "store") calls.push({ kind: "consume", id, key, cost, allowed, sentMs, receivedMs: receivedMs() });
      sent.set(decision, { id, key });
      return decision;
    },

    async refund(decision) {
      const { id, key } = sent.get(decision) as Sent;
      const sentMs = Date.now();
      try {
        const refunded = await limiter.refund(decision);
        calls.push({ kind: "refund", of: id, key, sentMs, receivedMs: receivedMs() });
        return refunded;
      } catch (error) {
        calls.push({ kind: "refund", of: id, key, sentMs, receivedMs: Number.MAX_VALUE });
        throw error;
      }
    },

    async reset(key) {
      const sentMs = Date.now();
      try {
        await limiter.reset(key);
        calls.push({ kind: "reset", key, sentMs, receivedMs: receivedMs() });
      } catch (error) {
        calls.push({ kind: "reset", key, sentMs, receivedMs: Number.MAX_VALUE });
        throw error;
      }
    },
  };
}
