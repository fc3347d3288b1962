import type { SluiceError } from "../errors.js";
import type { Rules } from "../options.js";
import type { Decision, DecisionSource } from "./decision.js";

/** The start of an outage. */
export interface StoreErrorEvent {
  readonly error: SluiceError;
  /** True if requests are allowed without a limit during the outage. */
  readonly failOpen: boolean;
  /** The source of decisions during the outage. */
  readonly source: Exclude<DecisionSource, "store" | "cache">;
}

/** The end of an outage. */
export interface StoreRecoveredEvent {
  /**
   * The length of the outage in milliseconds: from its first failed call, or the first call without an answer, to the first
   * answer.
   */
  readonly downMs: number;
  /** How many decisions were made without the store. */
  readonly decisions: number;
}

/** The events of a limiter. */
export interface LimiterEvents {
  /**
   * Every decision of `decide`, `consume`, `allow`, `wait` and `execute`. Label metrics by policy and outcome, never by
   * key.
   */
  decision: (decision: Decision) => void;
  /** A decision that denies. */
  denied: (decision: Decision) => void;
  /**
   * The store failed to answer. Emitted once when an outage begins, not once for each request. A partial failure is one
   * outage. Without a listener, one line is logged at the start of an outage and one at its end.
   */
  storeError: (event: StoreErrorEvent) => void;
  /** The store answers again: it answered after failing every call, or no call failed during the last second. */
  storeRecovered: (event: StoreRecoveredEvent) => void;
}

/**
 * Listeners of a limiter, all optional. A listener that throws is reported on the console once. Its errors are then
 * ignored.
 */
export type LimiterListeners = Partial<LimiterEvents>;

export const EVENT_RULES: Rules<LimiterEvents> = {
  decision: "function",
  denied: "function",
  storeError: "function",
  storeRecovered: "function",
};

/** Calls listeners in a way that none of them can break a decision. */
export interface Emitter {
  emit<E extends keyof LimiterEvents>(event: E, ...args: Parameters<LimiterEvents[E]>): void;
  on<E extends keyof LimiterEvents>(event: E, listener: LimiterEvents[E]): () => void;
  /** Returns whether the event has a listener. */
  has(event: keyof LimiterEvents): boolean;
  /** True if there is any listener. Lets the hot path skip the rest. */
  readonly listening: boolean;
}

export function createEmitter(initial: LimiterListeners): Emitter {
  const listeners = new Map<keyof LimiterEvents, Set<(...args: never[]) => void>>();
  let warned = false;

  function report(event: keyof LimiterEvents, error: unknown): void {
    if (!warned) console.error(`[sluice] a listener of "${event}" failed; decisions continue without it`, error);
    warned = true;
  }

  const emitter = {
    listening: false,
    emit(event, ...args) {
      for (const listener of listeners.get(event) ?? []) {
        try {
          const result = (listener as (...args: unknown[]) => unknown)(...args);
          if (result instanceof Promise) result.catch((error) => report(event, error));
        } catch (error) {
          report(event, error);
        }
      }
    },
    has: (event) => (listeners.get(event)?.size ?? 0) > 0,
    on(event, listener) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set.add(listener));
      emitter.listening = true;
      return () => {
        set.delete(listener);
        emitter.listening = [...listeners.values()].some((others) => others.size > 0);
      };
    },
  } satisfies Emitter as Emitter & { listening: boolean };
  for (const event of Object.keys(EVENT_RULES) as (keyof LimiterEvents)[]) {
    const listener = initial[event];
    if (listener !== undefined) emitter.on(event, listener);
  }
  return emitter;
}
