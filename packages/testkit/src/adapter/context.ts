import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { SluiceError, type SluiceErrorCode, type Store } from "@sluice/core";
import type { Policies, RateLimitOptionsOf } from "@sluice/core/http";
import { type ManualClock, manualClock } from "../manual-clock.js";
import { modelStore } from "../model.js";
import type { SuiteRunner } from "../runner.js";
import type { Adapter, AdapterServer, AppUnderTest } from "./adapter.js";

/** The response that a test expects. */
export interface Expected {
  readonly status: number;
  /** Fields by name. `null` if a field must be absent. */
  readonly fields?: Readonly<Record<string, string | null>>;
  /** The exact body, or a pattern for it. */
  readonly body?: string | RegExp;
}

/** The policies and the options of one use of the middleware. */
export interface Arguments<Req, Handler> extends RateLimitOptionsOf<Req, Handler> {
  policies?: Policies<Req> | undefined;
}

/** The tools of a test of the suite. */
export interface AdapterTools<Req, Handler> {
  /** A clock that only a test moves. */
  readonly clock: ManualClock;
  readonly store: Store;
  /**
   * Starts an app, which is stopped after the test. Without `uses`, the app has one limiter on `store` and `clock`,
   * with the arguments `given`.
   */
  serve(app: Partial<AppUnderTest<Req, Handler>>, given?: Arguments<Req, Handler>): Promise<AdapterServer>;
  /** Keeps expected warnings off the console until the test ends. Returns them in a list that grows. */
  quiet(): readonly string[];
  /** Sends a request and compares the response. */
  ask(server: AdapterServer, expected: Expected, request?: RequestInit): Promise<void>;
}

/** The functions with which the groups define their tests. */
export interface AdapterContext<Req, Handler> {
  readonly adapter: Adapter<Req, Handler>;
  test(name: string, body: (tools: AdapterTools<Req, Handler>) => Promise<void>): void;
}

export function createAdapterContext<Req, Handler>(
  { it }: SuiteRunner,
  adapter: Adapter<Req, Handler>,
): AdapterContext<Req, Handler> {
  return {
    adapter,
    test(name, body) {
      it(name, async () => {
        const servers: AdapterServer[] = [];
        const clock = manualClock();
        const store = modelStore();
        const { warn } = console;
        try {
          await body({
            clock,
            store,
            async serve(app, { policies, ...options } = {}) {
              const uses = [{ of: store, policies, options: { clock, ...options } }];
              const hold = async () => {};
              const server = await adapter.serve({ uses, route: "text", trustProxy: false, hold, ...app });
              servers.push(server);
              return server;
            },
            quiet() {
              const warnings: string[] = [];
              console.warn = (message: unknown) => warnings.push(String(message));
              return warnings;
            },
            ask,
          });
        } finally {
          console.warn = warn;
          await Promise.all(servers.map((server) => server.close()));
        }
      });
    },
  };
}

async function ask(server: AdapterServer, expected: Expected, request: RequestInit = {}): Promise<void> {
  const response = await fetch(server.url, request);
  const body = await response.text();
  const { status, fields = {} } = expected;
  const names = Object.keys(fields);
  const found = { status: response.status, fields: names.map((name) => [name, response.headers.get(name)]) };
  deepStrictEqual(found, { status, fields: Object.entries(fields) }, `${JSON.stringify(found)}; body: ${body}`);
  if (expected.body instanceof RegExp) match(body, expected.body);
  else if (expected.body !== undefined) equal(body, expected.body);
}

/** Checks that exactly one error, with this code, reached the framework. */
export function sameError({ errors }: AdapterServer, code: SluiceErrorCode): void {
  const [error] = errors;
  ok(error instanceof SluiceError, `not a SluiceError: ${error}`);
  equal(error.code, code);
}

/** The problem document for a reached limit. */
export function quotaProblem(violated: readonly string[], retryAfter?: number): string {
  return JSON.stringify({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    "violated-policies": violated,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

/** A header that identifies a test's client. */
export function client(name: string): RequestInit {
  return { headers: { "x-client": name } };
}
