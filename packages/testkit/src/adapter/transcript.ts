import { deepStrictEqual } from "node:assert/strict";
import { fixedWindow, tokenBucket } from "@sluice/core";
import { type AdapterContext, type Arguments, quotaProblem } from "./context.js";

/** Fields that the server and the framework send even without a limiter. */
const FORCED = new Set(["date", "connection", "keep-alive", "transfer-encoding", "x-powered-by"]);

/** Fields of the app for allowed requests. */
const OF_THE_APP = new Set(["content-type", "content-length"]);

type Line = readonly [request: RequestInit, status: number, fields: Readonly<Record<string, string>>, body: string];

/** All adapters must send the same bytes. */
export function transcriptGroup<Req, Handler>({ test, adapter }: AdapterContext<Req, Handler>): void {
  const client = (name: string, more: RequestInit = {}): RequestInit => ({ ...more, headers: { "x-client": name } });
  const burst = tokenBucket({ name: "burst", rate: 2, interval: "4s" });
  const daily = fixedWindow({ name: 'the "day"', limit: 3, window: "1d" });
  const policy = '"burst";q=2;w=4, "the \\"day\\"";q=3;w=86400';
  const legacy = { "x-ratelimit-limit": "2", "x-ratelimit-reset": "" };
  const options: Arguments<Req, Handler> = {
    policies: [burst, daily],
    key: (request) => adapter.header(request, "x-client") ?? "nobody",
    cost: (request) => Number(adapter.header(request, "x-cost") ?? 1),
    headers: ["draft-11", "legacy"],
    legacyReset: "delta",
  };
  const reset = (seconds: number, remaining: number, limit = 2) => {
    return {
      ...legacy,
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(remaining),
      "x-ratelimit-reset": String(seconds),
    };
  };
  const allowed = (ratelimit: string, state: Record<string, string>) => {
    return { "ratelimit-policy": policy, ratelimit, ...state };
  };
  const denied = (ratelimit: string, state: Record<string, string>, retryAfter: number | undefined, body: string) => ({
    ...allowed(ratelimit, state),
    ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    "cache-control": "no-store",
    "content-type": "application/problem+json",
    "content-length": String(body.length),
  });
  const soon = quotaProblem(["burst"], 2);
  const never = quotaProblem(["burst", 'the "day"']);

  const lines: readonly Line[] = [
    [client("ada"), 200, allowed('"burst";r=1;t=2, "the \\"day\\"";r=2;t=86400', reset(2, 1)), "ok"],
    [
      client("ada", { method: "POST", body: "x" }),
      200,
      allowed('"burst";r=0;t=2, "the \\"day\\"";r=1;t=86400', reset(4, 0)),
      "ok",
    ],
    [client("ada"), 429, denied('"burst";r=0;t=2, "the \\"day\\"";r=1;t=86400', reset(4, 0), 2, soon), soon],
    [
      client("ada", { method: "DELETE" }),
      429,
      denied('"burst";r=0;t=2, "the \\"day\\"";r=1;t=86400', reset(4, 0), 2, soon),
      soon,
    ],
    [client("ada"), 429, denied('"burst";r=0;t=2, "the \\"day\\"";r=1;t=86400', reset(4, 0), 2, soon), soon],
    [client("grace"), 200, allowed('"burst";r=1;t=2, "the \\"day\\"";r=2;t=86400', reset(2, 1)), "ok"],
    [
      { headers: { "x-client": "linus", "x-cost": "4" } },
      429,
      denied('"burst";r=2;t=4, "the \\"day\\"";r=3;t=0', reset(0, 2), undefined, never),
      never,
    ],
  ];

  test("is the same in every adapter", async ({ serve }) => {
    const server = await serve({}, options);
    const seen: unknown[] = [];
    for (const [request, , , body] of lines) {
      const response = await fetch(server.url, request);
      const left = [...response.headers].filter(([name]) => {
        return !FORCED.has(name) && !(response.status === 200 && OF_THE_APP.has(name));
      });
      seen.push([response.status, Object.fromEntries(left), await response.text(), body.length]);
    }
    deepStrictEqual(
      seen,
      lines.map(([, status, fields, body]) => [status, sorted(fields), body, body.length]),
    );
  });
}

function sorted(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}
