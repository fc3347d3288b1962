import { deepStrictEqual } from "node:assert/strict";
import type { Store } from "@sluice/core";
import { asynchronous } from "@sluice/core/store";
import type { AdapterServer } from "../adapter/adapter.js";
import { type ManualClock, manualClock } from "../manual-clock.js";
import { modelStore } from "../model.js";
import type { SuiteRunner } from "../runner.js";
import type { GuardAdapter, GuardedApp, TestedOptions, TestedProtections } from "./guard-adapter.js";

/** The tools of a test of the suite. */
export interface GuardTools {
  readonly clock: ManualClock;
  readonly store: Store;
  /** Creates middleware with one of the adapter's functions. */
  use(name: keyof GuardAdapter["middleware"], of: unknown, options?: object): unknown;
  /** Starts an app, which is stopped after the test. */
  serve(app: Partial<GuardedApp> & Pick<GuardedApp, "middleware">): Promise<AdapterServer>;
  /** Creates one of the checks for `guard`. */
  check(name: keyof GuardAdapter["checks"], of: unknown, options?: object): unknown;
  /** Creates protections on `store` and `clock`. If the options have a `registry`, the protections have one. */
  make(options?: Partial<TestedOptions>): Promise<TestedProtections>;
  /** Sends a request. Returns the status, some fields and the body of its response. */
  send(server: AdapterServer, request?: GuardRequest): Promise<GuardAnswer>;
  /** Sends the same request `count` times, one after the other, and returns the statuses. */
  statuses(server: AdapterServer, count: number, request?: GuardRequest): Promise<number[]>;
  /** Keeps expected warnings off the console until the test ends. Returns them in a list that grows. */
  quiet(): readonly string[];
}

/** A request in a test. */
export interface GuardRequest {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, sent as JSON, or unchanged if it is a string. */
  readonly body?: unknown;
}

/** The response to a request. */
export interface GuardAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** The functions with which the groups define their tests. */
export interface GuardContext {
  readonly adapter: GuardAdapter;
  test(name: string, body: (tools: GuardTools) => Promise<void>): void;
}

export function createGuardContext({ it }: SuiteRunner, adapter: GuardAdapter): GuardContext {
  return { adapter, test: (name, body) => void it(name, () => withTools(adapter, body)) };
}

async function withTools(adapter: GuardAdapter, body: (tools: GuardTools) => Promise<void>): Promise<void> {
  const servers: AdapterServer[] = [];
  const clock = manualClock();
  const store = modelStore();
  const { warn } = console;
  const tools: GuardTools = {
    clock,
    store,
    use: (name, of, options = {}) => adapter.middleware[name](of as never, options as never),
    async serve(app) {
      const server = await adapter.serve({
        parsesBodies: !adapter.readsBodies,
        status: () => 200,
        property: "none",
        ...app,
      });
      servers.push(server);
      return server;
    },
    check: (name, of, options) => adapter.checks[name](of as never, options as never),
    async make(options) {
      const { registry, ...others } = adapter.createProtections({ store, clock, ...options });
      return { ...others, registry } as TestedProtections;
    },
    send,
    async statuses(server, count, request) {
      const found: number[] = [];
      for (let i = 0; i < count; i++) found.push((await send(server, request)).status);
      return found;
    },
    quiet() {
      const warnings: string[] = [];
      console.warn = (message: unknown) => warnings.push(String(message));
      return warnings;
    },
  };
  try {
    await body(tools);
  } finally {
    console.warn = warn;
    await Promise.all(servers.map((server) => server.close()));
  }
}

async function send(server: AdapterServer, request: GuardRequest = {}): Promise<GuardAnswer> {
  const { path = "/", method = "GET", headers = {}, body } = request;
  const isText = typeof body === "string";
  const response = await fetch(server.url + path, {
    method,
    headers: { ...(body !== undefined && { "content-type": isText ? "text/plain" : "application/json" }), ...headers },
    ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** Compares an answer with a problem document. */
export function isProblem(answer: GuardAnswer, status: number, title: string, detail: string): void {
  deepStrictEqual(
    [answer.status, answer.headers.get("content-type"), answer.headers.get("cache-control"), JSON.parse(answer.body)],
    [status, "application/problem+json", "no-store", { type: "about:blank", title, status, detail }],
  );
}

/** A store that fails. */
export function failingStore(): Store {
  const fail = () => Promise.reject(new Error("the database is down"));
  return { asynchronous, atomicUpdate: fail, delete: fail, close: async () => {} };
}
