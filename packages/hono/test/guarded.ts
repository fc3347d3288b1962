import { createProtections } from "@sluice/protections";
import type { GuardAdapter } from "@sluice/testkit";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { GetConnInfo } from "hono/conninfo";
import type { StatusCode } from "hono/utils/http-status";
import { guard, limit } from "../src/index.js";
import * as middleware from "../src/protections.js";
import type { Listen } from "./adapter.js";

/** The protections' middleware for the suite, on one runtime. */
export function guardsOn(getConnInfo: GetConnInfo, listen: Listen): GuardAdapter {
  return {
    middleware: {
      debounce: (of, options?: object) => middleware.debounce(of, { getConnInfo, ...options }),
      blocklist: (of, options?: object) => middleware.blocklist(of, { getConnInfo, ...options }),
      requireRegistered: (of, options) => middleware.requireRegistered(of, options as never),
      protect: (of, options?: object) => middleware.protect(of, { getConnInfo, ...options }),
      guard: (of, options?: object) => guard(of, { getConnInfo, ...options }),
    },
    checks: { ...middleware, limit },
    createProtections,
    async serve({ middleware: used, status, property }) {
      const app = new Hono();
      const errors: unknown[] = [];
      for (const guard of used) app.use(guard as MiddlewareHandler);
      app.all("*", async (c) => {
        const text = await c.req.text();
        c.status(status() as StatusCode);
        c.header("Content-Type", "application/json");
        const body: unknown = text === "" ? null : JSON.parse(text);
        return c.body(JSON.stringify({ found: c.get(property as never) ?? null, body }));
      });
      app.onError((error, c) => {
        errors.push(error);
        return c.text("Internal Server Error", 500);
      });
      return { ...(await listen(app)), errors };
    },
    header: (c: Context, name) => c.req.header(name),
    // The status is set on the context, but not yet on the response.
    handler: (c: Context, _next: unknown, { status }: { status: number }) => c.body(`handled ${status}`),
    readsBodies: true,
  };
}
