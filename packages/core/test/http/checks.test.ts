import { manualClock, modelStore } from "@sluice/testkit";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type Check,
  type CheckSource,
  createGuard,
  type GuardOptionsOf,
  type HttpPort,
  limit,
  PASS,
  refuse,
} from "../../src/http/index.js";
import { createLimiter, fixedWindow, type Limiter, SluiceError, type Store } from "../../src/index.js";
import { mapStore } from "./map-store.js";

interface Call {
  readonly from?: string;
}

const port: HttpPort<Call> = {
  method: () => "GET",
  header: () => undefined,
  address: ({ from }) => from,
};

const ADA: Call = { from: "192.0.2.1" };

function guardOf(checks: readonly CheckSource<Call>[], options: GuardOptionsOf<Call> = {}) {
  return createGuard<Call>(checks, options, port);
}

function limiterOf(name: string, max: number, store: Store = modelStore()): Limiter {
  return createLimiter({ store, policies: fixedWindow({ name, limit: max, window: "1m" }), clock: manualClock() });
}

const closed: Check<unknown> = {
  name: "closed",
  judge: () => refuse({ reason: "closed", status: 410, title: "Gone" }),
};

/** A check that denies unless `look` returns true. */
function asking(look: () => unknown, calls: string[] = []): Check<unknown> {
  return {
    name: "asking",
    look,
    judge(_who, { looked }) {
      calls.push("judge");
      return looked === true ? PASS : refuse({ reason: "asked", status: 401 });
    },
  };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a guard with several checks", () => {
  it("decides synchronously if all of its checks do", () => {
    const [a, b] = [limiterOf("a", 1, mapStore()), limiterOf("b", 1, mapStore())];
    const guard = guardOf([closed, limit(a), limit(b)]);
    expect(guard.check(ADA)).toMatchObject({ denial: { reason: "closed", status: 410 } });
    expect(guardOf([limit(a), limit(b)]).check(ADA)).toMatchObject({ denial: undefined });
  });

  it("charges nothing if a look denies, at any position", async () => {
    const limiter = limiterOf("a", 5);
    const join = vi.spyOn(limiter, "join");
    expect((await guardOf([limit(limiter), asking(() => false)]).check(ADA))?.denial?.status).toBe(401);
    expect(join).not.toHaveBeenCalled();
  });

  it("runs slow looks and the store's decision at the same time, and refunds if a look denies", async () => {
    const limiter = limiterOf("a", 5);
    let answer = (_value: unknown): void => {};
    const slow = asking(() => new Promise((resolve) => (answer = resolve)));
    const checking = guardOf([slow, limit(limiter)]).check(ADA);
    await vi.waitFor(async () => expect((await limiter.peek("192.0.2.1")).remaining).toBe(4));
    answer(false);
    expect((await checking)?.denial?.status).toBe(401);
    expect((await limiter.peek("192.0.2.1")).remaining).toBe(5);
  });

  it("waits for an earlier look before a later check answers", async () => {
    const early = asking(async () => false);
    const verdict = await guardOf([early, closed]).check(ADA);
    expect(verdict?.denial?.reason).toBe("asked");
  });

  it("judges each check once", async () => {
    const calls: string[] = [];
    await guardOf([asking(() => true, calls), limit(limiterOf("a", 5))]).check(ADA);
    await guardOf([asking(async () => true, calls), limit(limiterOf("a", 5))]).check(ADA);
    expect(calls).toEqual(["judge", "judge"]);
  });

  it("answers 503 and refunds if the store of a look fails", async () => {
    const failed = () => Promise.reject(new SluiceError("STORE_FAILED", "down"));
    for (const look of [
      failed,
      () => {
        throw new SluiceError("STORE_TIMEOUT", "down");
      },
    ]) {
      const limiter = limiterOf("a", 5);
      const verdict = await guardOf([asking(look), limit(limiter)]).check(ADA);
      expect(verdict?.denial).toMatchObject({ reason: "unavailable", status: 503 });
      expect((await limiter.peek("192.0.2.1")).remaining).toBe(5);
    }
  });

  it("passes on errors of a check, and refunds", async () => {
    const limiter = limiterOf("a", 5);
    const mistake = new Error("a mistake");
    const failing: Check<Call>[] = [
      asking(() => Promise.reject(mistake)),
      asking(() => {
        throw mistake;
      }),
      {
        name: "judging",
        look: async () => {},
        judge() {
          throw mistake;
        },
      },
      { name: "claiming", claims: () => Promise.reject(mistake), judge: () => PASS },
    ];
    for (const check of failing) {
      await expect((async () => guardOf([check, limit(limiter)]).check(ADA))()).rejects.toBe(mistake);
      expect((await limiter.peek("192.0.2.1")).remaining).toBe(5);
    }
  });

  it("answers even if the refund fails", async () => {
    const limiter = limiterOf("a", 5);
    const join = limiter.join;
    vi.spyOn(limiter, "join").mockImplementation((...args) => ({
      ...join(...args),
      refund: () => Promise.reject(new Error("down")),
    }));
    const verdict = await guardOf([asking(async () => false), limit(limiter)]).check(ADA);
    expect(verdict?.denial?.status).toBe(401);
  });

  it("does not settle a check if another check denies the request", async () => {
    const settle = vi.fn();
    const settling: Check<unknown> = { name: "settling", judge: () => ({ settle }) };
    expect((await guardOf([settling, closed]).check(ADA))?.settle).toBeUndefined();
    const verdict = await guardOf([settling, { ...settling }]).check(ADA);
    await verdict?.settle?.({ status: 200, aborted: false });
    expect(settle).toHaveBeenCalledTimes(2);
  });

  it("joins list fields with the same name, and uses the last of other fields", async () => {
    const field = (value: string, append: boolean) => ({ name: append ? "List" : "Single", value, append });
    const saying = (value: string): Check<unknown> => ({
      name: value,
      judge: () => ({ fields: [field(value, true), field(value, false)] }),
    });
    expect((await guardOf([saying("a"), saying("b")]).check(ADA))?.fields).toEqual([
      field("a, b", true),
      field("b", false),
    ]);
  });

  it("sets the result of each check under its property, and uses the last for a shared one", async () => {
    const finding = (requestProperty: string, found: unknown): Check<unknown> => ({
      name: "finding",
      requestProperty,
      judge: () => ({ found }),
    });
    const guard = guardOf([finding("a", 1), finding("b", 2), finding("a", 3), finding("b", undefined), closed]);
    expect(guard.properties).toEqual(["a", "b"]);
    expect(await guard.check(ADA)).toMatchObject({ found: 3, others: [2] });
  });

  it("names itself in denials and warnings", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const limiter = limiterOf("a", 5);
    const guard = guardOf([limit(limiter), limit(limiter), closed], { name: "door" });
    expect((await guard.check(ADA))?.denial?.name).toBe("door");
    await guardOf([limit(limiter), limit(limiter)], { name: "door" }).check(ADA);
    expect(warn.mock.calls.flat()).toEqual([expect.stringMatching(/LIMITED_TWICE \(guard "door"\)/)]);
  });

  it("needs no address if no check reads the key", async () => {
    const keyless = { ...closed, keyless: true };
    expect((await guardOf([keyless]).check({}))?.denial?.status).toBe(410);
    vi.spyOn(console, "warn").mockImplementation(() => {});
    expect(() => guardOf([keyless, closed]).check({})).toThrow(
      expect.objectContaining({ code: "CLIENT_ADDRESS_UNUSABLE" }),
    );
  });

  it("refunds all checks, or a single one, if its refundWhen says so", async () => {
    const limiters = [limiterOf("a", 5), limiterOf("b", 5)];
    for (const used of [limiters, limiters.slice(0, 1)]) {
      const guard = guardOf(
        used.map((limiter) => limit<Call>(limiter)),
        { refundWhen: ({ status }) => status === 500 },
      );
      for (const [status, left] of [
        [500, 5],
        [200, 4],
      ]) {
        const verdict = await guard.check(ADA);
        await verdict?.settle?.({ status: status as number, aborted: false });
        for (const limiter of used) expect((await limiter.peek("192.0.2.1")).remaining).toBe(left);
      }
      for (const limiter of used) await limiter.reset("192.0.2.1");
    }
  });
});

describe("a denial by the app", () => {
  it("is a problem document or a message, and must not be cached", async () => {
    const document = refuse({ reason: "full", status: 507, title: "Full", detail: "No room.", found: 7 });
    expect(await document.deny()).toEqual({
      reason: "full",
      found: 7,
      status: 507,
      contentType: "application/problem+json",
      body: '{"type":"about:blank","title":"Full","status":507,"detail":"No room."}',
      fields: [{ name: "Cache-Control", value: "no-store", append: false }],
      name: undefined,
    });
    const message = refuse({ reason: "full", status: 507, message: { full: true } });
    expect(await message.deny()).toMatchObject({ contentType: "application/json", body: '{"full":true}' });
  });
});

describe("an invalid guard", () => {
  it.each<[unknown, object, string]>([
    [[], {}, "INVALID_OPTION"],
    [undefined, {}, "INVALID_OPTION"],
    [[{ name: "no judge" }], {}, "INVALID_OPTION"],
    [[closed], { polices: 1 }, "UNKNOWN_OPTION"],
    [[closed], { cost: 2 }, "UNKNOWN_OPTION"],
    [[closed], { dryRun: "unmarked" }, "INVALID_OPTION"],
    [[closed], { refundWhen: true }, "INVALID_OPTION"],
    [[closed], { handler: "json" }, "INVALID_OPTION"],
  ])("%j %j", (checks, options, code) => {
    expect(() => guardOf(checks as [], options)).toThrow(expect.objectContaining({ code }));
  });

  it("is detected in the options of a limit when it is created", () => {
    expect(() => limit(mapStore(), fixedWindow({ limit: 1, window: "1m" }), { cost: 0 })).toThrow(
      expect.objectContaining({ code: "INVALID_COST" }),
    );
    expect(() => limit(mapStore(), { policies: [] } as object)).toThrow(
      /limit has no option "policies": pass it before/,
    );
    expect(() => limit(limiterOf("a", 1), { failOpen: true })).toThrow(
      /option "failOpen" must be set in createLimiter if you pass a limiter, got true/,
    );
  });
});
