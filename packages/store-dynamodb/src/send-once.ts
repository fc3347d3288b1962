/** The part of a command's middleware stack that is used here. */
export interface MiddlewareStack {
  add(middleware: Middleware, options: { step: "deserialize"; priority: "high"; name: string }): void;
}

type Handler = (args: object) => Promise<{ response: unknown }>;
type Middleware = (next: Handler) => Handler;

/** A failure after which nobody knows whether the request was carried out. In no form that the SDK would retry. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
  /** Not as `cause`: the SDK looks for reasons to retry in there. */
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("the request may or may not have been carried out");
    this.reason = reason;
  }
}

/**
 * Keeps the SDK from sending a write again whose first attempt may have been carried out: after a time-out, a broken
 * connection or a server error. It may go on retrying what the server refused, such as a throttled request. The SDK's
 * retries are a step around this one, so each attempt passes here.
 */
export function sendOnce(stack: MiddlewareStack): void {
  let lost: Unanswered | undefined;
  const middleware: Middleware = (next) => async (args) => {
    if (lost !== undefined) throw lost;
    try {
      return await next(args);
    } catch (error) {
      if (wasRefused(error)) throw error;
      lost = new Unanswered(error);
      throw lost;
    }
  };
  stack.add(middleware, { step: "deserialize", priority: "high", name: "sluiceSendOnce" });
}

/** Whether the server said that it did nothing. */
function wasRefused(error: unknown): boolean {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? 0;
  return status >= 400 && status < 500;
}

/** What an answer shows of the attempt that it answers. */
export interface Answered {
  /** The `Date` header. */
  readonly date: string | undefined;
  /** When the request left and the answer came, by this machine's clock. */
  readonly sentMs: number;
  readonly answeredMs: number;
  /** How long it took, by a clock that is never set. */
  readonly tookMs: number;
}

/** Calls `seen` with each answer of each attempt, except those that only say that something failed. */
export function watchAnswers(stack: MiddlewareStack, seen: (answered: Answered) => void): void {
  const middleware: Middleware = (next) => async (args) => {
    const [sentMs, startMs] = [Date.now(), performance.now()];
    const noteAnswer = (date: string | undefined): void =>
      seen({ date, sentMs, answeredMs: Date.now(), tookMs: performance.now() - startMs });
    try {
      const result = await next(args);
      const { headers } = (result?.response ?? {}) as { headers?: Readonly<Record<string, string>> };
      noteAnswer(headers?.date);
      return result;
    } catch (error) {
      if ((error as Partial<Error> | undefined)?.name === "ConditionalCheckFailedException") noteAnswer(undefined);
      throw error;
    }
  };
  stack.add(middleware, { step: "deserialize", priority: "high", name: "sluiceWatchAnswers" });
}
