import { deepStrictEqual, equal, ok, rejects } from "node:assert/strict";
import { type Policy, SluiceError, type Store } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { type Admission, type Claim, can, type DecidingStore, decideEntries, type Entry } from "@sluice/core/store";
import { ALGORITHMS, policyOf } from "../policies.js";
import type { SuiteContext, TestTools } from "./suite-context.js";

const NOW_MS = 1_700_000_000_000;

/** `decide` and `atomicUpdate` work on the same entries, in the documented form. */
export function decideGroup({ testWith, capabilities: { decides } }: SuiteContext): void {
  for (const algorithm of ALGORITHMS) {
    const policy = policyOf(algorithm, 7, 10_001);

    testWith(decides, `atomicUpdate reads what decide wrote with ${algorithm}`, async (tools) => {
      const { store, claim, read } = await openDeciding(tools, policy);
      let expected: Entry | undefined;
      for (const [nowMs, cost] of [
        [NOW_MS, 1],
        [NOW_MS + 3, 2],
        [NOW_MS + 3, 9],
        [NOW_MS + 9_000, 3],
        [NOW_MS + 12_000, 5],
        [NOW_MS + 11_000, 1],
      ] as const) {
        const admission: Admission = { claims: [{ ...claim, cost }], charge: true };
        const { outcome, writes } = decideEntries(admission, [expected], nowMs);
        deepStrictEqual((await store.decide(admission, { nowMs })).allowed, outcome.allowed);
        expected = writes[0]?.state ?? expected;
        deepStrictEqual(await read(), expected);
      }
    });

    testWith(decides, `decide reads what atomicUpdate wrote with ${algorithm}`, async (tools) => {
      const { store, claim, write } = await openDeciding(tools, policy);
      const admission: Admission = { claims: [{ ...claim, cost: 3 }], charge: true };
      const [written] = decideEntries(admission, [undefined], NOW_MS).writes;
      const entry = written?.state as Entry;
      await write(entry);
      const { outcome } = decideEntries(admission, [entry], NOW_MS + 1);
      const { allowed, findings } = await store.decide(admission, { nowMs: NOW_MS + 1 });
      deepStrictEqual({ allowed, findings: [{ ...findings[0] }] }, { allowed: true, findings: outcome.findings });
    });

    testWith(
      decides,
      `a block in an entry denies, and is kept when decide writes, with ${algorithm}`,
      async (tools) => {
        const { store, claim, read, write } = await openDeciding(tools, policy);
        await write([1, NOW_MS + 500, null]);
        const during = await store.decide({ claims: [claim], charge: true }, { nowMs: NOW_MS });
        deepStrictEqual([during.allowed, during.findings[0]?.blocked], [false, true]);
        equal(during.findings[0]?.retryAfterMs, 500);
        deepStrictEqual(await read(), [1, NOW_MS + 500, null]);
        const after = await store.decide({ claims: [claim], charge: true }, { nowMs: NOW_MS + 500 });
        deepStrictEqual([after.allowed, after.findings[0]?.blocked], [true, false]);
        const [version, blockedUntilMs, state] = (await read()) as Entry;
        deepStrictEqual([version, blockedUntilMs, state === null], [1, NOW_MS + 500, false]);
      },
    );

    testWith(decides, `a denial and a peek write nothing with ${algorithm}`, async (tools) => {
      const { store, claim, read } = await openDeciding(tools, policy);
      await store.decide({ claims: [claim], charge: false }, { nowMs: NOW_MS });
      await store.decide({ claims: [{ ...claim, cost: 8 }], charge: true }, { nowMs: NOW_MS });
      equal(await read(), undefined);
      await store.decide({ claims: [{ ...claim, cost: 7 }], charge: true }, { nowMs: NOW_MS });
      const full = await read();
      await store.decide({ claims: [claim], charge: true }, { nowMs: NOW_MS + 1 });
      await store.decide({ claims: [claim], charge: false }, { nowMs: NOW_MS + 1 });
      deepStrictEqual(await read(), full);
    });

    testWith(decides, `an entry of another version is refused with ${algorithm}`, async (tools) => {
      const { store, claim, write } = await openDeciding(tools, policy);
      await write([2, 0, ["of a later release"]]);
      const neighbour = { ...claim, key: "neighbour" };
      const [unreadable, readable] = await Promise.allSettled([
        (async () => store.decide({ claims: [claim], charge: true }, { nowMs: NOW_MS }))(),
        (async () => (await store.decide({ claims: [neighbour], charge: true }, { nowMs: NOW_MS })).allowed)(),
      ]);
      equal(unreadable.status, "rejected");
      await rejects(Promise.reject(unreadable.reason), { code: "STORE_STATE_UNREADABLE" });
      deepStrictEqual(readable, { status: "fulfilled", value: true });
    });
  }

  testWith(decides, "the outcome contains the store's time, or the explicit time if there is one", async (tools) => {
    const { store, claim } = await openDeciding(tools, policyOf("fixed-window", 7, 10_001));
    equal((await store.decide({ claims: [claim], charge: true }, { nowMs: NOW_MS })).nowMs, NOW_MS);
    const { nowMs } = await store.decide({ claims: [{ ...claim, key: "other" }], charge: true });
    ok(Number.isSafeInteger(nowMs), `nowMs is ${nowMs}`);
    ok(Math.abs(nowMs - Date.now()) < 3_600_000, `nowMs is ${nowMs}, and the local time is ${Date.now()}`);
  });
}

async function openDeciding(
  { open, prefix }: TestTools,
  policy: Policy,
): Promise<{
  store: DecidingStore;
  claim: Claim;
  read(): Promise<Entry | undefined>;
  write(entry: readonly unknown[]): Promise<unknown>;
}> {
  const store = deciding(await open());
  const claim = { scope: scopeOf(prefix, policy), key: "somebody", policy, cost: 1 };
  const entryKey = claim.scope + claim.key;
  return {
    store,
    claim,
    read: () => store.atomicUpdate<Entry>(entryKey, () => undefined, { nowMs: NOW_MS }),
    write: (entry) => store.atomicUpdate(entryKey, () => ({ state: entry, ttlMs: 60_000 }), { nowMs: NOW_MS }),
  };
}

function deciding(store: Store): DecidingStore {
  if (can(store, "decide")) return store;
  throw new SluiceError("INVALID_STORE", "the store has no decide");
}
