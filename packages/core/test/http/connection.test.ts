import { describe, expect, it } from "vitest";
import { clientAddress, connectionEnded, isAboutLeaving } from "../../src/http/address/connection.js";
import type { HttpPort } from "../../src/http/index.js";
import { SluiceError } from "../../src/index.js";

interface Call {
  readonly address?: string;
  readonly reread?: string;
  readonly left?: boolean;
}

const plain: HttpPort<Call> = { method: () => "GET", header: () => undefined, address: (call) => call.address };
const lenient: HttpPort<Call> = { ...plain, reread: (call) => call.reread, hasLeft: (call) => call.left === true };

describe("the client's address", () => {
  it.each<[call: Call, address: string | undefined]>([
    [{ address: "192.0.2.1", reread: "192.0.2.2" }, "192.0.2.1"],
    [{ address: "2001:db8::1", reread: "192.0.2.2" }, "2001:db8::1"],
    [{ address: "192.0.2.1:80", reread: "192.0.2.1" }, "192.0.2.1"],
    [{ reread: "192.0.2.1" }, "192.0.2.1"],
    [{ address: "nonsense" }, undefined],
  ])("of %o is %s", (call, address) => {
    expect(clientAddress(call, lenient)).toBe(address);
  });

  it("is undefined without an IP address if the port cannot read it again", () => {
    expect(clientAddress({ address: "192.0.2.1:80" }, plain)).toBeUndefined();
  });
});

describe("a connection", () => {
  const open = { remoteAddress: "192.0.2.1", localAddress: "192.0.2.9" };

  it.each([
    ["none", undefined, true],
    ["no socket", null, true],
    ["an open socket", open, false],
    ["a destroyed socket", { ...open, destroyed: true }, true],
    ["a socket that is not destroyed", { ...open, destroyed: false }, false],
    ["a socket that was reset", { localAddress: "192.0.2.9" }, true],
    ["an open Unix socket", {}, false],
    ["a destroyed Unix socket", { destroyed: true }, true],
  ])("%s has ended: see %o, %s", (_, socket, ended) => {
    expect(connectionEnded({ socket })).toBe(ended);
  });

  it("has ended if its HTTP/2 session has ended, whose socket throws on every property", () => {
    const socket = {
      get destroyed(): boolean {
        throw new Error("ERR_HTTP2_SOCKET_UNBOUND");
      },
    };
    expect(connectionEnded({ socket })).toBe(true);
  });
});

describe("whether an error is due to a client that left", () => {
  const unusable = new SluiceError("CLIENT_ADDRESS_UNUSABLE", "the client address is undefined");

  it.each<[what: string, error: unknown, call: Call, port: HttpPort<Call>, about: boolean]>([
    ["no address, and the client has left", unusable, { left: true }, lenient, true],
    ["no address, but the client waits", unusable, { left: false }, lenient, false],
    ["no address, but the port cannot tell whether the client has left", unusable, { left: true }, plain, false],
    ["another error", new SluiceError("INVALID_KEY", "no key"), { left: true }, lenient, false],
    [
      "an error of the app",
      Object.assign(new Error("x"), { code: "CLIENT_ADDRESS_UNUSABLE" }),
      { left: true },
      lenient,
      false,
    ],
  ])("%s", (_, error, call, port, about) => {
    expect(isAboutLeaving(error, call, port)).toBe(about);
  });
});
