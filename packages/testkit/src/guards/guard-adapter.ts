import type { Clock, Duration, Policy, Store } from "@sluice/core";
import type { AdapterServer } from "../adapter/adapter.js";

/** An app for one test. */
export interface GuardedApp {
  /** The middleware, in this order, before the only route of the app, which handles every method and path. */
  readonly middleware: readonly unknown[];
  /** True if a JSON body parser runs before the middleware. Never true if the adapter reads bodies itself. */
  readonly parsesBodies: boolean;
  /** The status of the route's response. */
  readonly status: () => number;
  /** The property whose value the route sends as JSON, together with the body that it can read. */
  readonly property: string;
}

/** The protections with which the suite tests middleware. */
export interface TestedProtections {
  readonly blocklist: {
    block(key: string, options?: { for?: Duration; reason?: string }): Promise<unknown>;
    unblock(key: string): Promise<void>;
  };
  readonly registry: {
    register(id: string, fields?: Readonly<Record<string, string>>): Promise<unknown>;
    ensure(id: string): Promise<unknown>;
    get(id: string): Promise<{ readonly lastSeenMs: number } | undefined>;
  };
  readonly limiter: { peek(key: string): Promise<{ readonly remaining: number }> };
  readonly debouncer: object;
}

/** The options of `createProtections` that the suite uses. */
export interface TestedOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly failOpen?: boolean | undefined;
  readonly limiter?: { readonly policies: Policy };
  readonly debounce?: { readonly window: Duration };
  readonly registry?: object;
}

/** An adapter of the protections in the form that the suite needs. */
export interface GuardAdapter {
  /** The functions of the adapter. For frameworks that do not know addresses, with the option that supplies them. */
  readonly middleware: Readonly<
    Record<"debounce" | "blocklist" | "requireRegistered" | "protect" | "guard", (of: never, options: never) => unknown>
  >;
  /** The checks for `guard`. */
  readonly checks: Readonly<
    Record<"limit" | "once" | "blocked" | "registered", (of: never, options: never) => unknown>
  >;
  /** Creates protections. `registry` is needed only if the options have one. */
  createProtections(options: TestedOptions): Omit<TestedProtections, "registry"> & {
    readonly registry: TestedProtections["registry"] | undefined;
  };
  /** Starts an app on a free port of the loopback interface. */
  serve(app: GuardedApp): Promise<AdapterServer>;
  /** Reads a field of the request that option functions get. `name` is in lower case. */
  header(request: never, name: string): string | undefined;
  /** Answers with the text `handled` and the status that is already set. */
  readonly handler: unknown;
  /** True if the middleware reads bodies itself when no parser has run. */
  readonly readsBodies: boolean;
}
