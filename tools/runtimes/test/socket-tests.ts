import { once } from "node:events";
import { connect } from "node:net";
import { expect, it, vi } from "vitest";
import type { WireState } from "../fixtures/wire.js";
import { exchange, open, type StartApp, type WireServer } from "./raw-client.js";

/** Waits long enough for a server to notice that a client left, and for a route to end and refund. */
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

const half = { method: "POST", headers: { "content-length": "10" } };

/** Tests of clients that leave early, send only half a request, or connect in another way. */
export function socketTests(start: StartApp): void {
  const until = (server: WireServer, state: WireState) => {
    return vi.waitFor(async () => expect(await server.state()).toEqual(state), { interval: 5, timeout: 5_000 });
  };

  // Only Linux has all addresses of 127.0.0.0/8 by default.
  it.skipIf(process.platform !== "linux")("keeps IPv4 clients apart on a dual-stack socket", async () => {
    const { url } = await start({ route: "text", limit: "address", host: "::" });
    const status = async (localAddress: string, hostname = "127.0.0.1") => {
      return (await exchange(url, { localAddress, hostname })).status;
    };
    expect([await status("127.0.0.1"), await status("127.0.0.1")]).toEqual([200, 429]);
    expect([await status("127.0.0.2"), await status("127.0.0.2")]).toEqual([200, 429]);
    expect([await status("::1", "::1"), await status("::1", "::1")]).toEqual([200, 429]);
  });

  it("does not refund clients that leave: of 20 with a limit of 2, 2 reach the route", async () => {
    const server = await start({ route: "hold", limit: "refund" });
    for (let i = 0; i < 20; i++) {
      const request = open(server.url).end();
      if (i < 2) await until(server, { held: i + 1, asked: 0 });
      else expect((await once(request, "response"))[0].statusCode).toBe(429);
      request.destroy();
    }
    await aWhile();
    await server.release();
    await aWhile();
    expect(await server.state()).toEqual({ held: 2, asked: 0 });
    expect((await exchange(server.url)).status).toBe(429);
  });

  it("does not refund a client that leaves during a stream", async () => {
    const server = await start({ route: "stream", limit: "refund" });
    const request = open(server.url).end();
    const [response] = await once(request, "response");
    await once(
      response.on("error", () => {}),
      "data",
    );
    request.destroy();
    await aWhile();
    await server.release();
    await aWhile();
    expect(await server.state()).toEqual({ held: 1, asked: 0 });
    expect((await exchange(server.url)).body).toBe("one,two");
    await until(server, { held: 2, asked: 1 });
  });

  it("charges a client that leaves during its body, and affects no other client", async () => {
    const server = await start({ route: "echo", limit: "refund" });
    for (let i = 0; i < 2; i++) {
      const request = open(server.url, half);
      request.write("abc");
      await once(request, "socket");
      await aWhile();
      request.destroy();
    }
    await aWhile();
    expect((await server.state()).asked).toBe(0);
    expect((await exchange(server.url)).status).toBe(429);
  });

  it("denies a client before it has sent its body", async () => {
    const server = await start({ route: "echo", limit: "address" });
    expect((await exchange(server.url, { method: "POST" }, "all of it")).body).toBe("all of it");
    const request = open(server.url, half);
    request.write("abc");
    const [response] = await once(request, "response");
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([429, "3600"]);
    request.destroy();
  });

  it("answers other clients in time if one leaves during the store's call", async () => {
    const { url } = await start({ route: "text", limit: "silent" });
    const leaving = open(url).end();
    await aWhile();
    const others = [exchange(url), exchange(url)];
    leaving.destroy();
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([503, 503]);
    expect((await exchange(url)).status).toBe(503);
  });

  it("charges no client for half of a request's head", async () => {
    const server = await start({ route: "text", limit: "address" });
    const { hostname, port, pathname } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nX-Half`);
    await aWhile();
    socket.destroy();
    await aWhile();
    expect((await exchange(server.url)).status).toBe(200);
  });
}
