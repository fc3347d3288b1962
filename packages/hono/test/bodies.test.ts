import { manualClock, modelStore } from "@sluice/testkit";
import { type Context, Hono } from "hono";
import { afterEach, expect, it, vi } from "vitest";
import { debounce } from "../src/protections.js";

afterEach(() => vi.restoreAllMocks());

type Body = NonNullable<ConstructorParameters<typeof Response>[0]>;

/** An app whose route returns what it reads from the body. */
function appWith(read: (c: Context) => Promise<unknown>): (body: Body) => Promise<unknown> {
  const app = new Hono();
  app.use(debounce(modelStore(), { clock: manualClock(), key: () => "ann" }));
  app.post("/", async (c) => c.json({ read: (await read(c)) ?? null }));
  return async (body) => {
    const request = new Request("http://localhost/", { method: "POST", body });
    const { byteLength } = await request.clone().arrayBuffer();
    // A real client sends this field. A `Request` does not have it by default.
    request.headers.set("content-length", String(byteLength));
    const response = await app.request(request);
    return response.status === 200 ? ((await response.json()) as { read: unknown }).read : response.status;
  };
}

const form = (text: string): FormData => {
  const data = new FormData();
  data.set("text", text);
  data.set("file", new File(["contents"], "a.txt", { type: "text/plain" }));
  return data;
};

it("lets the route read the body in every form", async () => {
  const json = appWith((c) => c.req.json());
  expect(await json('{"a":1}')).toEqual({ a: 1 });
  expect(await json('{"a":1}')).toBe(409);
  expect(await json('{"a":2}')).toEqual({ a: 2 });

  const parse = appWith(async (c) => {
    const { text, file } = await c.req.parseBody();
    return [text, file instanceof File ? await file.text() : null];
  });
  expect(await parse(form("one"))).toEqual(["one", "contents"]);
  expect(await parse(new URLSearchParams({ text: "two" }))).toEqual(["two", null]);
  expect(await parse(new URLSearchParams({ text: "two" }))).toBe(409);

  const bytes = appWith(async (c) => [...new Uint8Array(await c.req.arrayBuffer())]);
  expect(await bytes(new Uint8Array([0, 255]))).toEqual([0, 255]);
  expect(await bytes(new Uint8Array([0, 255]))).toBe(409);
  expect(await bytes(new Uint8Array([0, 254]))).toEqual([0, 254]);
});

it("accepts a body that Hono has already read", async () => {
  const app = new Hono();
  app.use(async (c, next) => {
    await c.req.json();
    await next();
  });
  app.use(debounce(modelStore(), { clock: manualClock(), key: () => "ann" }));
  app.post("/", async (c) => c.json(await c.req.json()));
  const ask = async (body: string) =>
    (await app.request("/", { method: "POST", body, headers: { "content-length": String(body.length) } })).status;
  expect([await ask('{"a":1}'), await ask('{"a":1}'), await ask('{"a":2}')]).toEqual([200, 409, 200]);
});

it("does not read bodies that are large, of unknown length or already read without Hono, and warns", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const large = "x".repeat(2 ** 20 + 1);
  const length = appWith(async (c) => (await c.req.text()).length);
  expect([await length(large), await length(large)]).toEqual([large.length, large.length]);
  const most = "x".repeat(2 ** 20);
  expect([await length(most), await length(most)]).toEqual([most.length, 409]);
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn.mock.lastCall?.[0]).toContain("BODY_NOT_READ");

  const app = new Hono();
  app.use(async (c, next) => {
    await c.req.raw.text();
    await next();
  });
  app.use(debounce(modelStore(), { clock: manualClock(), key: () => "ann" }));
  app.post("/", (c) => c.text("ok"));
  const ask = async () =>
    (await app.request("/", { method: "POST", body: "a", headers: { "content-length": "1" } })).status;
  expect([await ask(), await ask()]).toEqual([200, 200]);
});
