import { once } from "node:events";
import { connect } from "node:net";
import { expect, it, vi } from "vitest";
import type { WireState } from "../fixtures/wire.js";
import { exchange, open, type StartApp, type WireServer } from "./raw-client.js";

/** Long enough for a server to notice, and for a route to end and refund. */
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

const half = { method: "POST", headers: { "content-length": "10" } };

/** Clients that leave early, send half of it, or come in another way. */
export function socketTests(start: StartApp): void {
  const until = (server: WireServer, state: WireState) => {
    return vi.waitFor(async () => expect(await server.state()).toEqual(state), { interval: 5, timeout: 5_000 });
  };

  // Only Linux has all of 127.0.0.0/8 without set-up.
  it.skipIf(process.platform !== "linux")("IPv4 clients are kept apart on a dual-stack socket", async () => {
    const { url } = await start({ route: "text", limit: "address", host: "::" });
    const status = async (localAddress: string, hostname = "127.0.0.1") => {
      return (await exchange(url, { localAddress, hostname })).status;
    };
    expect([await status("127.0.0.1"), await status("127.0.0.1")]).toEqual([200, 429]);
    expect([await status("127.0.0.2"), await status("127.0.0.2")]).toEqual([200, 429]);
    expect([await status("::1", "::1"), await status("::1", "::1")]).toEqual([200, 429]);
  });

  it("clients that leave are not refunded: of 20 with a limit of 2, 2 reach the route", async () => {
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

  it("a client that leaves a stream is not refunded", async () => {
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

  it("a client that leaves amid its body is charged, not refunded, and affects no other client", async () => {
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

  it("a denied client is answered before it has sent its body", async () => {
    const server = await start({ route: "echo", limit: "address" });
    expect((await exchange(server.url, { method: "POST" }, "all of it")).body).toBe("all of it");
    const request = open(server.url, half);
    request.write("abc");
    const [response] = await once(request, "response");
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([429, "3600"]);
    request.destroy();
  });

  it("a client that leaves while the store is asked leaves others their time limit", async () => {
    const { url } = await start({ route: "text", limit: "silent" });
    const leaving = open(url).end();
    await aWhile();
    const others = [exchange(url), exchange(url)];
    leaving.destroy();
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([503, 503]);
    expect((await exchange(url)).status).toBe(503);
  });

  it("half a head is charged to no client", async () => {
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
