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
   * How many calls in a row have to fail or time out, with no answer in between, before the store is no longer called: a
   * whole number of 1 or more. Calls that fail together in one batch count once. Default 5.
   */
  failures?: number | undefined;
  /**
   * How long the store is then left alone before one decision probes it. Starts again after each failed probe. A random
   * quarter is added or subtracted, so that processes do not probe in step. Default `"500ms"`.
   */
  cooldown?: Duration | undefined;
}

/** Checked {@link BreakerOptions}. */
export interface BreakerNumbers {
  readonly failures: number;
  readonly cooldownMs: number;
}

/** Stops calls to a store that is down, and finds out when it answers again. Has no timers: its state changes with calls. */
export interface Breaker {
  /** True if the breaker is open for at least one part, according to the calls so far. */
  isOpen(): boolean;
  /**
   * The error that {@link Breaker.leave} would throw for a part, as a value, which is cheaper. `undefined` if it would not
   * throw.
   */
  refusal(part: string, options: CallOptions): SluiceError | undefined;
  /**
   * Notes that a call is sent.
   *
   * @param part the part of the store that the call reaches
   * @param others the other parts that it reaches, because each part can fail on its own
   * @param nowMs a time of `performance.now()`
   * @throws SluiceError `STORE_BREAKER_OPEN`
   */
  leave(part: string, others: readonly string[], options: CallOptions, nowMs: number): Flight;
  /**
   * Makes a call unless the breaker is open. Its options say whether it is a probe.
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
  /** The first calls since the last answer. They count as failed when their deadlines pass. */
  readonly unanswered: PartsFlight[];
  open: Open | undefined;
}

/** The state of an open breaker. */
interface Open {
  readonly error: SluiceError;
  /** No call gets through before this time. */
  readonly probeAtMs: number;
  /** The options shared by all calls of the decision that probes. */
  readonly probe: CallOptions | undefined;
}

/** A class, so that all flights share its methods. Closures would slow down each decision. */
class PartsFlight implements Flight {
  readonly part: Part;
  /** The other parts that the call reaches. */
  readonly others: readonly Part[];
  /** {@link Part.answers} of the first part when the call was sent. */
  readonly answers: number;
  /** The options of the decision that the call belongs to. */
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

/** The part of a breaker that is notified when calls end. */
interface BreakerState {
  answered(flight: PartsFlight): void;
  failed(flight: PartsFlight, error: unknown): void;
}

const NO_PARTS: readonly Part[] = [];

/** The largest random change of the cooldown, as a share of it. */
const JITTER = 1 / 4;

/** The rule of options that `false` turns off. */
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

/** @param connectionError the last error of the store's connection, which explains calls without an answer */
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
    // The cause is the client's error, as in other failures.
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
      // A probe may never end because its caller has gone. Another probe is then allowed.
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
    // It is unknown which of the parts failed.
    if (flight.others.length > 0) return;
    const nowMs = performance.now();
    if (part.open !== undefined) {
      if (part.open.probe === flight.given) part.open = opened(error, nowMs);
      return;
    }
    // The calls of a batch fail with one error. A store that has answered a later call is not down.
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

/** Failures which show that the store is down, unless the store itself reported them. */
const FAILURES: readonly SluiceErrorCode[] = ["STORE_FAILED", "STORE_TIMEOUT", "STORE_NOT_READY"];

const reported = new WeakSet<SluiceError>();

/**
 * Marks a failure that the database itself reported, such as a rejected write. The database is up, so the failure does not
 * open a circuit breaker. For authors of stores.
 */
export function reportedByStore(error: SluiceError): SluiceError {
  reported.add(error);
  return error;
}

function isAnswer(error: unknown): boolean {
  return error instanceof SluiceError && (reported.has(error) || !FAILURES.includes(error.code));
}
