import type { Limiter, Store } from "@sluice/core";
import type { Policies, RateLimitOptionsOf } from "@sluice/core/http";

/** The app's route for requests that get through. It handles every method and path, unless it is `"none"`. */
export type RouteKind =
  /** Answers 200 with the text `ok`. */
  | "text"
  /**
   * Answers 200 with the decision as JSON, read from the property that the option `requestProperty` names, or `null`.
   */
  | "decision"
  /** Throws an error. */
  | "throw"
  /** Fails later, in the way that the framework expects. */
  | "reject"
  /** Answers with the status that the request's field `x-status` names, and its digits as the text. */
  | "status"
  /** Answers 200 with the request's own body, as a text. */
  | "echo"
  /** Calls `hold` of the app, and answers 500 with the text `late` when its promise resolves. */
  | "hold"
  /** Streams the texts `one,` and, when the promise of `hold` resolves, `two`. */
  | "stream"
  /** There is no route, so the framework answers 404. */
  | "none";

/** One use of the middleware, with the arguments of `rateLimit`. */
export interface Use<Req, Handler> {
  readonly of: Store | Limiter;
  /** The policies, if they are passed before the options. */
  readonly policies?: Policies<Req> | undefined;
  /** If missing, `rateLimit` is called without options. */
  readonly options?: RateLimitOptionsOf<Req, Handler> | undefined;
}

/** An app for one test. */
export interface AppUnderTest<Req, Handler> {
  /** The middleware before every route, in this order. */
  readonly uses: readonly Use<Req, Handler>[];
  readonly route: RouteKind;
  /**
   * True if the framework trusts `X-Forwarded-For` of one proxy on the loopback interface, so that a test can choose the
   * client address. `"everyone"` if it trusts every sender.
   */
  readonly trustProxy: boolean | "everyone";
  /** The event that the routes `"hold"` and `"stream"` wait for. */
  hold(): Promise<void>;
}

/** A listening app. */
export interface AdapterServer {
  /** The URL of the server, such as `http://127.0.0.1:49152`. */
  readonly url: string;
  /** The errors that reached the framework's error handling, which then sends its default answer. */
  readonly errors: readonly unknown[];
  /** Ends connections and stops listening. */
  close(): Promise<void>;
}

/**
 * An adapter in the form that the suite needs.
 *
 * @typeParam Req the argument of functions among the options
 * @typeParam Handler the framework's form of the `handler` option
 */
export interface Adapter<Req, Handler> {
  /** Starts an app on a free port of the loopback interface. */
  serve(app: AppUnderTest<Req, Handler>): Promise<AdapterServer>;
  /** A field of the request. `name` is in lower case. */
  header(request: Req, name: string): string | undefined;
  /** Answers a rejected request with the text `handled ` and `found.violated`, joined by commas. */
  readonly handler: Handler;
}
