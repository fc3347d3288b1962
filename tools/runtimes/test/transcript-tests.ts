import type { RouteKind } from "@sluice/testkit";
import { expect, it } from "vitest";
import { exchange, type RawAnswer, type StartApp } from "./raw-client.js";
import type { Runtime } from "./runtime.js";

/** Fields of the connection, which are not compared. */
const OF_THE_CONNECTION = new Set(["date", "connection", "keep-alive", "transfer-encoding"]);

/** Fields of a route's answer, or of the framework's answer to an error or a missing route. */
const OF_THE_ROUTE = new Set(["content-type", "content-length", "content-security-policy", "x-content-type-options"]);

const policy = '"burst";q=2;w=4, "the \\"day\\"";q=3;w=86400';
const problem = (violated: readonly string[], more: object) =>
  JSON.stringify({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    "violated-policies": violated,
    ...more,
  });
const soon = problem(["burst"], { retryAfter: 2 });
const never = problem(["burst", 'the "day"'], {});

interface Line {
  readonly method: string;
  readonly client: string;
  readonly cost?: string;
  readonly body?: string;
  /** The expected fields about the limit. */
  readonly fields: Readonly<Record<string, string>>;
  /** The expected body of a denial. */
  readonly denied?: string;
}

const state = (ratelimit: string, remaining: number, resetAt: number) => ({
  "ratelimit-policy": policy,
  ratelimit,
  "x-ratelimit-limit": "2",
  "x-ratelimit-remaining": String(remaining),
  "x-ratelimit-reset": String(1_700_000_000 + resetAt),
});
const first = state('"burst";r=1;t=2, "the \\"day\\"";r=2;t=86400', 1, 2);
const second = state('"burst";r=0;t=2, "the \\"day\\"";r=1;t=86400', 0, 4);
const rejected = { ...second, "retry-after": "2", "cache-control": "no-store" };
const tooMuch = { ...state('"burst";r=2;t=4, "the \\"day\\"";r=3;t=0', 2, 0), "cache-control": "no-store" };

const lines: readonly Line[] = [
  { method: "GET", client: "ada", fields: first },
  { method: "POST", client: "ada", body: "x", fields: second },
  { method: "GET", client: "ada", fields: rejected, denied: soon },
  { method: "HEAD", client: "ada", fields: rejected, denied: soon },
  { method: "DELETE", client: "ada", fields: rejected, denied: soon },
  { method: "HEAD", client: "grace", fields: first },
  { method: "GET", client: "linus", cost: "4", fields: tooMuch, denied: never },
];

/** Returns the fields that differ between frameworks and servers, as docs/http.md lists them. */
function forced(runtime: Runtime, adapter: string, line: Line): Record<string, string> {
  const poweredBy = adapter.startsWith("Express") ? { "x-powered-by": "Express" } : {};
  if (line.denied === undefined) return poweredBy;
  const length = String(line.denied.length);
  if (line.method !== "HEAD") return { ...poweredBy, "content-length": length };
  if (adapter.startsWith("Koa")) return { "content-length": length };
  return /^(Bun|Deno)/.test(runtime.name) ? { "content-length": "0" } : poweredBy;
}

/** Returns the field names, whose case depends on the server. */
function namesOn(runtime: Runtime, adapter: string): string[] {
  const small = adapter === "Hono" && /^(Node|Deno)/.test(runtime.name);
  return small ? ["ratelimit", "ratelimit-policy"] : ["RateLimit", "RateLimit-Policy"];
}

const routes: readonly (readonly [route: RouteKind, status: number, reason: string, body: string | undefined])[] = [
  ["text", 200, "OK", "ok"],
  ["stream", 200, "OK", "one,two"],
  ["none", 404, "Not Found", undefined],
  ["throw", 500, "Internal Server Error", undefined],
];

/** Sends a table of requests, and checks that the answers are identical with every adapter and runtime. */
export function transcriptTests(runtime: Runtime, adapter: string, start: StartApp): void {
  it.each(routes)("from the route %j", async (route, status, reason, body) => {
    const server = await start({ route, limit: "transcript" });
    await server.release();
    for (const line of lines) {
      const { method, client, cost = "1", denied } = line;
      const headers = { "x-client": client, "x-cost": cost };
      const answer = await exchange(server.url, { method, headers }, line.body);
      const type = denied === undefined ? {} : { "content-type": "application/problem+json" };
      expect({
        line,
        status: answer.status,
        reason: answer.reason,
        fields: comparable(answer, denied !== undefined),
      }).toEqual({
        line,
        ...(denied === undefined ? { status, reason } : { status: 429, reason: "Too Many Requests" }),
        fields: { ...line.fields, ...type, ...forced(runtime, adapter, line) },
      });
      const named = answer.fields.map(([name]) => name).filter((name) => /^ratelimit/i.test(name));
      expect(named.sort()).toEqual(namesOn(runtime, adapter));
      if (method === "HEAD") expect(answer.body).toBe("");
      else if (denied !== undefined) expect(answer.body).toBe(denied);
      else if (body !== undefined) expect(answer.body).toBe(body);
    }
  });
}

/** Returns the fields with lower-case names in an object, since their case and order depend on the server. */
function comparable({ fields }: RawAnswer, rejected: boolean): Record<string, string> {
  const names = fields.map(([name]) => name.toLowerCase());
  expect(names).toEqual([...new Set(names)]);
  const kept = fields
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => {
      return !OF_THE_CONNECTION.has(name) && (rejected || !OF_THE_ROUTE.has(name));
    });
  return Object.fromEntries(kept);
}
