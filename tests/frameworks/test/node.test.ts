// Runs the code of docs/frameworks.md for frameworks that need no build, each in a separate process.
import { createRequire } from "node:module";
import { io, type Socket } from "socket.io-client";
import { expect, it, onTestFinished } from "vitest";
import { type App, ask, startBun, startDeno, startNode } from "./app.js";
import { expectLimit } from "./limits.js";
import { limited, printed, versionsOfPage } from "./page.js";

const here = { from: "127.0.0.1" };
const there = { from: "127.0.0.2" };
const fivePer10s = { burst: 5 };

it("limits a server of node:http", async () => {
  const [main = ""] = printed("node:http and connect");
  await expectLimit(await startNode({ "main.ts": main }), here, there, fivePer10s);
});

it("limits an app of connect", async () => {
  const [, main = ""] = printed("node:http and connect");
  await expectLimit(await startNode({ "main.ts": main }), here, there, fivePer10s);
});

it("limits an app of Fastify", async () => {
  const [main = ""] = printed("Fastify");
  await expectLimit(await startNode({ "main.ts": main }), here, there, fivePer10s);
});

it("adds its fields to those of an earlier hook of Fastify", async () => {
  const [main = ""] = printed("Fastify");
  const hook = 'fastify.addHook("onRequest", ';
  const earlier = `${hook}async (_, reply) => void reply.header("RateLimit", '"first";r=1;t=1'));\n`;
  const app = await startNode({ "main.ts": main.replace(hook, earlier + hook) });
  expect((await ask(app)).headers.ratelimit).toBe('"first";r=1;t=1, "default";r=4;t=10');
});

it("limits an app of NestJS behind a proxy", async () => {
  const [main = ""] = printed("NestJS");
  const app = await startNode({
    "main.ts": main,
    "app.module.ts": `
      import "reflect-metadata";
      import { Controller, Get, Module } from "@nestjs/common";
      @Controller()
      class AppController {
        @Get()
        hello() {
          return "hello";
        }
      }
      @Module({ controllers: [AppController] })
      export class AppModule {}
    `,
  });
  const client = { headers: { "x-forwarded-for": "192.0.2.1" } };
  const other = { headers: { "x-forwarded-for": "192.0.2.2" } };
  await expectLimit(app, client, other, { burst: 50, rate: 10 });
});

it("limits a fetch handler of Deno", async () => {
  const [main = ""] = printed("Fetch handlers");
  await expectLimit(await startDeno({ "main.ts": main, "limited.ts": limited }), here, there, fivePer10s);
});

it("limits a fetch handler of Bun", async () => {
  const [, main = ""] = printed("Fetch handlers");
  await expectLimit(await startBun({ "main.ts": main, "limited.ts": limited }), here, there, fivePer10s);
});

const query = `/graphql?query=${encodeURIComponent("{ hello }")}`;

it("limits GraphQL Yoga on Node.js", async () => {
  const [main = ""] = printed("GraphQL Yoga");
  const app = await startNode({ "main.ts": main });
  expect((await ask(app, { path: query, from: "127.0.0.3" })).body).toBe('{"data":{"hello":"hello"}}');
  await expectLimit(app, { path: query, ...here }, { path: query, ...there }, fivePer10s);
});

it("limits GraphQL Yoga on Bun", async () => {
  const [, main = ""] = printed("GraphQL Yoga");
  const app = await startBun({ "main.ts": main, "limited.ts": limited });
  expect((await ask(app, { path: query, from: "127.0.0.3" })).body).toBe('{"data":{"hello":"hello"}}');
  await expectLimit(app, { path: query, ...here }, { path: query, ...there }, fivePer10s);
});

const trpcServer = `
  import { createHTTPServer } from "@trpc/server/adapters/standalone";
  import { limitedProcedure, router } from "./trpc.js";
  const appRouter = router({ hello: limitedProcedure.query(({ ctx }) => "hello " + ctx.userId) });
  createHTTPServer({ router: appRouter, createContext: ({ req }) => ({ userId: req.headers.authorization }) }).listen(3000);
`;

/** Calls a procedure a number of times. Returns how many calls were allowed, and the error codes of the others. */
async function callProcedure(app: App, userId: string, times: number) {
  const call = () => ask(app, { path: "/hello", headers: { authorization: userId } });
  const bodies = (await Promise.all(Array.from({ length: times }, call))).map(({ body }) => JSON.parse(body));
  const denied = bodies.filter(({ error }) => error !== undefined);
  return { bodies, allowed: times - denied.length, codes: new Set(denied.map(({ error }) => error.data.code)) };
}

it("limits the users of a tRPC procedure", async () => {
  const [trpc = ""] = printed("tRPC");
  const app = await startNode({ "main.ts": trpcServer, "trpc.ts": trpc });
  const startMs = performance.now();
  const { bodies, allowed, codes } = await callProcedure(app, "ann", 100);
  expect(allowed).toBeGreaterThanOrEqual(10);
  expect(allowed).toBeLessThanOrEqual(10 + (10 * (performance.now() - startMs)) / 1_000);
  expect(codes).toEqual(new Set(["TOO_MANY_REQUESTS"]));
  expect(bodies[0]).toEqual({ result: { data: "hello ann" } });
  expect((await callProcedure(app, "bob", 1)).bodies).toEqual([{ result: { data: "hello bob" } }]);
});

it("reports limits to tRPC clients when the denial comes from the deny cache", async () => {
  const [trpc = ""] = printed("tRPC");
  // The denials of a remote store are cached.
  const remoteStore = `
    import { remote } from "@sluice/core/store";
    const { atomicUpdate, delete: deleteKey, close } = memoryStore();
    const remoteStore = { atomicUpdate, delete: deleteKey, close, remote };
  `;
  const onRemote = trpc.replace("store: memoryStore()", "store: remoteStore");
  expect(onRemote).not.toBe(trpc);
  const app = await startNode({ "main.ts": trpcServer, "trpc.ts": remoteStore + onRemote });
  expect((await callProcedure(app, "ann", 100)).codes).toEqual(new Set(["TOO_MANY_REQUESTS"]));
});

it("limits the events of a user of Socket.IO", async () => {
  const [messages = ""] = printed("Socket.IO");
  const app = await startNode({
    "messages.ts": messages,
    "main.ts": `
      import { Server } from "socket.io";
      import { limitMessages } from "./messages.js";
      const io = new Server(3000);
      io.use((socket, next) => {
        socket.data.userId = socket.handshake.auth.user;
        next();
      });
      io.on("connection", limitMessages);
      io.on("connection", (socket) => {
        socket.on("message", (text, acknowledge) => acknowledge({ received: text }));
      });
    `,
  });
  const send = (socket: Socket, times: number) =>
    Promise.all(Array.from({ length: times }, () => socket.timeout(30_000).emitWithAck("message", "hello")));
  const startMs = performance.now();
  // Two sockets of one user must share the limit.
  const answers = (await Promise.all([send(connect(app, "ann"), 100), send(connect(app, "ann"), 100)])).flat();
  const denied = answers.filter(({ received }) => received !== "hello");
  expect(200 - denied.length).toBeGreaterThanOrEqual(50);
  expect(200 - denied.length).toBeLessThanOrEqual(50 + (20 * (performance.now() - startMs)) / 1_000);
  for (const answer of denied) expect(answer).toEqual({ error: "rate limited", retryAfterMs: expect.any(Number) });
  expect(await send(connect(app, "bob"), 1)).toEqual([{ received: "hello" }]);
  expect(app.errors()).toBe("");
});

function connect(app: App, user: string): Socket {
  const socket = io(app.url, { auth: { user }, transports: ["websocket"], forceNew: true, reconnection: false });
  onTestFinished(() => void socket.close());
  return socket;
}

it("the page names the tested versions", () => {
  const { devDependencies } = createRequire(import.meta.url)("../package.json");
  const packages = {
    connect: "connect",
    Fastify: "fastify",
    NestJS: "@nestjs/core",
    Bun: "bun",
    Deno: "deno",
    "Next.js": "next",
    SvelteKit: "@sveltejs/kit",
    "GraphQL Yoga": "graphql-yoga",
    tRPC: "@trpc/server",
    "Socket.IO": "socket.io",
  };
  const tested = Object.entries(packages).map(([name, key]) => `${name} ${devDependencies[key].split(".")[0]}`);
  expect(versionsOfPage()).toEqual(tested);
});
