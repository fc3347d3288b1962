import { COUNT } from "../algorithm/policy.js";
import { type Duration, parseDuration } from "../duration.js";
import { SluiceError, type SluiceErrorCode } from "../errors.js";
import { isPromiseLike, type MaybePromise } from "../maybe-promise.js";
import { check, checkOptions, type Rule, type Rules } from "../options.js";
import { storeTimeout } from "./deadlines.js";
import type { Flight } from "./flight.js";
import type { CallOptions } from "./store.js";

/** Options of the circuit breaker of a limiter. */
export interface BreakerOptions {
  /**
   * Calls to the store that fail or time out in a row, with no answer in between, until it is no longer asked: a whole number
   * of 1 or more. Calls that fail together, in one batch, count once. Default 5.
   */
  failures?: number | undefined;
  /**
   * How long the store is then left alone before one decision probes it, and again after each probe that fails. A random
   * quarter is added or taken away, so that processes do not probe in step. Default `"500ms"`.
   */
  cooldown?: Duration | undefined;
}

/** {@link BreakerOptions} that have been checked. */
export interface BreakerNumbers {
  readonly failures: number;
  readonly cooldownMs: number;
}

/** Stops asking a store that is down, and finds out when it is back. It has no timers: calls move it on. */
export interface Breaker {
  /** True if the breaker is open for at least one part, judging by the calls so far. */
  isOpen(): boolean;
  /** The error that {@link Breaker.leave} would throw for one part: as a value, it costs less. `undefined` if there is none. */
  refusal(part: string, options: CallOptions): SluiceError | undefined;
  /**
   * Notes that a call leaves.
   *
   * @param part the part of the store that the call reaches
   * @param others further parts that it reaches: parts fail apart from each other
   * @param nowMs a time of `performance.now()`
   * @throws SluiceError `STORE_BREAKER_OPEN`
   */
  leave(part: string, others: readonly string[], options: CallOptions, nowMs: number): Flight;
  /**
   * Makes a call unless the breaker is open, with options that say whether it is a probe.
   *
   * @throws SluiceError `STORE_BREAKER_OPEN`
   */
  call<T>(
    part: string,
    others: readonly string[],
    options: CallOptions,
    make: (options: CallOptions) => MaybePromise<T>,
  ): MaybePromise<T>;
}

/** One part of a store. Times are of `performance.now()`. */
interface Part {
  /** How often it has answered. */
  answers: number;
  /** Failures since the last answer, and the last of them. */
  failures: number;
  lastError: unknown;
  /** The first calls since the last answer. They have failed when their deadlines pass. */
  readonly unanswered: PartsFlight[];
  open: Open | undefined;
}

/** The state of an open breaker. */
interface Open {
  readonly error: SluiceError;
  /** No call gets through before this time. */
  readonly probeAtMs: number;
  /** The options that all calls of the decision which probes share. */
  readonly probe: CallOptions | undefined;
}

/** A class, so that a flight shares its methods with others: closures would cost each decision more. */
class PartsFlight implements Flight {
  readonly part: Part;
  /** The other parts that it reaches. */
  readonly others: readonly Part[];
  /** {@link Part.answers} of the first part when it left. */
  readonly answers: number;
  /** The options of the decision that it is made for. */
  readonly given: CallOptions;
  readonly options: CallOptions;
  hasFailed = false;
  readonly #breaker: BreakerState;

  constructor(breaker: BreakerState, part: Part, others: readonly Part[], given: CallOptions, options: CallOptions) {
    this.part = part;
    this.others = others;
    this.answers = part.answers;
    this.given = given;
    this.options = options;
    this.#breaker = breaker;
  }

  answered(): void {
    this.#breaker.answered(this);
  }

  failed(error: unknown): void {
    this.#breaker.failed(this, error);
  }
}

/** The part of a breaker that learns how calls ended. */
interface BreakerState {
  answered(flight: PartsFlight): void;
  failed(flight: PartsFlight, error: unknown): void;
}

const NO_PARTS: readonly Part[] = [];

/** Of the cooldown. */
const JITTER = 1 / 4;

/** Options that `false` turns off. */
export const OPTIONS_OR_FALSE: Rule = {
  is: (value) => typeof value === "object" && value !== null,
  must: "be false, or an object with options",
};

const RULES: Rules<BreakerOptions> = { failures: "any", cooldown: "any" };

/** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION` */
export function checkBreaker(options: BreakerOptions): BreakerNumbers {
  check("breaker", options, OPTIONS_OR_FALSE);
  checkOptions(options, RULES, "breaker");
  const { failures = 5, cooldown = 500 } = options;
  return {
    failures: check("breaker.failures", failures, COUNT),
    cooldownMs: parseDuration(cooldown, "breaker.cooldown"),
  };
}

/** @param connectionError the last error of the store's connection: it explains calls that were not answered */
export function createBreaker({ failures, cooldownMs }: BreakerNumbers, connectionError?: () => unknown): Breaker {
  const states = new Map<string, Part>();
  let openParts = 0;
  const state: BreakerState = { answered, failed };

  function partNamed(name: string): Part {
    let part = states.get(name);
    if (part === undefined) {
      part = { answers: 0, failures: 0, lastError: undefined, unanswered: [], open: undefined };
      states.set(name, part);
    }
    return part;
  }

  function opened(cause: unknown, sinceMs: number): Open {
    const why = cause instanceof Error ? cause.message.replace(/^\[sluice\] /, "") : String(cause);
    const message = `the store fails and is not asked until it answers a probe; the last failure: ${why}`;
    // As in other failures, it is what the client reported.
    const reason = cause instanceof SluiceError ? (cause.cause ?? cause) : cause;
    const pauseMs = cooldownMs * (1 + JITTER * (2 * Math.random() - 1));
    return {
      error: new SluiceError("STORE_BREAKER_OPEN", message, { cause: reason }),
      probeAtMs: sinceMs + pauseMs,
      probe: undefined,
    };
  }

  /** Opens when enough calls have failed or are overdue. */
  function review(part: Part, nowMs: number): void {
    if (part.open !== undefined) return;
    let failed = part.failures;
    let sinceMs = nowMs;
    let overdue = false;
    for (const flight of part.unanswered) {
      const { deadlineMs = Number.POSITIVE_INFINITY } = flight.given;
      if (flight.hasFailed || deadlineMs > nowMs) continue;
      failed++;
      overdue = true;
      sinceMs = deadlineMs;
      if (failed >= failures) break;
    }
    if (failed < failures) return;
    const cause = overdue ? storeTimeout("the store did not answer in time", connectionError?.()) : part.lastError;
    part.open = opened(cause, sinceMs);
    openParts++;
  }

  function refusalOf(part: Part, options: CallOptions, nowMs: number): SluiceError | undefined {
    review(part, nowMs);
    const { open } = part;
    return open !== undefined && open.probe !== options && nowMs < open.probeAtMs ? open.error : undefined;
  }

  function leave(name: string, otherNames: readonly string[], given: CallOptions, nowMs: number): PartsFlight {
    const part = partNamed(name);
    const others = otherNames.length === 0 ? NO_PARTS : otherNames.map(partNamed);
    let shut = refusalOf(part, given, nowMs);
    for (const other of others) shut ??= refusalOf(other, given, nowMs);
    if (shut !== undefined) throw shut;
    const probe = part.open !== undefined || others.some(({ open }) => open !== undefined);
    const flight = new PartsFlight(state, part, others, given, probe ? { ...given, probe } : given);
    leavePart(part, flight, nowMs);
    for (const other of others) leavePart(other, flight, nowMs);
    return flight;
  }

  function leavePart(part: Part, flight: PartsFlight, nowMs: number): void {
    const { open } = part;
    const { given } = flight;
    if (open === undefined) {
      if (part.unanswered.length < failures) part.unanswered.push(flight);
    } else if (open.probe !== given) {
      // A probe whose caller has gone, and with it its end, must not be the last one.
      const { deadlineMs = nowMs } = given;
      part.open = { error: open.error, probeAtMs: deadlineMs + cooldownMs, probe: given };
    }
  }

  function answered({ part, others }: PartsFlight): void {
    answeredBy(part);
    for (const other of others) answeredBy(other);
  }

  function answeredBy(part: Part): void {
    if (part.open !== undefined) openParts--;
    part.answers++;
    part.failures = 0;
    part.lastError = undefined;
    part.open = undefined;
    if (part.unanswered.length > 0) part.unanswered.length = 0;
  }

  function failed(flight: PartsFlight, error: unknown): void {
    if (isAnswer(error)) {
      answered(flight);
      return;
    }
    flight.hasFailed = true;
    const { part } = flight;
    // Nobody knows which of several parts has failed.
    if (flight.others.length > 0) return;
    const nowMs = performance.now();
    if (part.open !== undefined) {
      if (part.open.probe === flight.given) part.open = opened(error, nowMs);
      return;
    }
    // The calls of a batch fail with the same error. A store that has answered a later call is not down.
    if (error === part.lastError || flight.answers !== part.answers) return;
    part.failures++;
    part.lastError = error;
    review(part, nowMs);
  }

  return {
    isOpen: () => openParts > 0,

    refusal: (part, options) => refusalOf(partNamed(part), options, performance.now()),

    leave,

    call(part, others, options, make) {
      const flight = leave(part, others, options, performance.now());
      try {
        const made = make(flight.options);
        if (isPromiseLike(made)) {
          made.then(
            () => answered(flight),
            (error: unknown) => failed(flight, error),
          );
        } else {
          answered(flight);
        }
        return made;
      } catch (error) {
        failed(flight, error);
        throw error;
      }
    },
  };
}

/** Failures that say that the store is down, unless the store itself reported them. */
const FAILURES: readonly SluiceErrorCode[] = ["STORE_FAILED", "STORE_TIMEOUT", "STORE_NOT_READY"];

const reported = new WeakSet<SluiceError>();

/**
 * Marks a failure that the database itself reported, such as a refused write: the database is up, so the failure opens no
 * circuit breaker. For authors of stores.
 */
export function reportedByStore(error: SluiceError): SluiceError {
  reported.add(error);
  return error;
}

function isAnswer(error: unknown): boolean {
  return error instanceof SluiceError && (reported.has(error) || !FAILURES.includes(error.code));
}
