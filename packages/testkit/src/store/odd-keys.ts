import { deepStrictEqual, equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { createLimiter, type Policy, type Store } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { ALGORITHMS, LONG_MS, policyOf } from "../policies.js";
import type { SuiteContext } from "./suite-context.js";

const LONG = "k".repeat(3_000);

/** Distinct keys, each of which has caused a fault in some database. */
export const ODD_KEYS: readonly string[] = [
  "plain",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "0",
  "00",
  "-0",
  "NaN",
  "null",
  "undefined",
  "true",
  " ",
  "  ",
  "\t",
  "\0",
  "\0\0",
  "a\0b",
  "a\0c",
  "a\r\nb",
  "a\nb",
  "SET a b\r\nDEL a",
  "{a}b",
  "{a}c",
  "{}",
  "{",
  "}",
  "a}{b",
  ":",
  "::",
  "a:b",
  "a%3Ab",
  "%",
  "%25",
  "%3A",
  "#",
  "##",
  "#a",
  "a#",
  "*",
  "?",
  "[a-z]",
  "\\",
  "'",
  '"',
  "'; DROP TABLE keys; --",
  "$1",
  "😀",
  "😀😁",
  "\ud83d",
  "\ude00",
  "\ude00\ud83d",
  "\ud800",
  "\ud801",
  "\ufffd",
  "a\ud800",
  "a\ud801",
  "a\ufffd",
  "\ufeff",
  "\u00e9",
  "e\u0301",
  "\u212b",
  "\u00c5",
  "A\u030a",
  "ß",
  "ss",
  "SS",
  "ı",
  "i",
  "I",
  "a",
  "A",
  "a ",
  " a",
  LONG,
  `${LONG}1`,
  `${LONG}2`,
  `${LONG}\ud800`,
  `${LONG}\ud801`,
  "x".repeat(10_240),
  `${"x".repeat(10_239)}y`,
  "é".repeat(5_000),
  "e\u0301".repeat(5_000),
];

/** The digest with which databases name a long key: see `storedKeys` in core. */
export function digestOf(text: string): string {
  return createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex");
}

/** Texts that equal or resemble the stored name of another key. */
function imitationsOf(key: string, scope: string): readonly string[] {
  const [prefix = ""] = scope.split(":");
  return [
    `#${digestOf(key)}`,
    `#${digestOf(scope + key)}`,
    `#${digestOf(key).slice(0, 63)}`,
    `#${digestOf(key).toUpperCase()}`,
    digestOf(key),
    scope + key,
    `${scope}#${digestOf(key)}`,
    `${prefix}:*::${key}`,
    `{0}${scope}${key}`,
    `#lane:${key}:0`,
    `:${key}`,
    `::${key}`,
    `:::${key}`,
    `*::${key}`,
  ];
}

/** Any string is a key, and different strings never share state. */
export function oddKeysGroup({ test }: SuiteContext): void {
  for (const algorithm of ALGORITHMS) {
    test(`${ODD_KEYS.length} odd keys stay apart with ${algorithm}`, async ({ open, prefix }) => {
      const policies = policyOf(algorithm, 1_000, LONG_MS);
      const limiter = createLimiter({ store: await open(), policies, prefix, timeout: "20s", denyCache: false });
      const charged = await Promise.all(ODD_KEYS.map((key, i) => limiter.consume(key, { cost: i + 1 })));
      deepStrictEqual(
        charged.map(({ remaining }) => remaining),
        ODD_KEYS.map((_, i) => 999 - i),
      );
      const left = await Promise.all(ODD_KEYS.map((key) => limiter.peek(key)));
      deepStrictEqual(
        left.map(({ remaining }) => remaining),
        ODD_KEYS.map((_, i) => 999 - i),
      );
    });
  }

  test("odd keys stay apart in atomicUpdate and delete", async ({ open, prefix }) => {
    const store = await open();
    await keepApart(
      store,
      ODD_KEYS.map((key) => prefix + key),
    );
  });

  test("odd keys stay apart without a prefix", async ({ open }) => {
    const store = await open();
    const keys = ["__proto__", "constructor", "toString", "#testkit", "{testkit}", "::testkit", "testkit::"];
    await Promise.all(keys.map((key) => store.delete(key)));
    await keepApart(store, keys);
    await Promise.all(keys.map((key) => store.delete(key)));
  });

  test("prefixes and policy names with odd characters stay apart", async ({ open, prefix }) => {
    const store = await open();
    const parts = ["a", "a:b", "a%3Ab", "{a}", "a}", "b:c", "c", "a b", "#", "'\"\\"];
    const scopes = parts.flatMap((first) =>
      parts.map((name): [string, Policy] => [first, policyOf("fixed-window", 1_000, LONG_MS, name)]),
    );
    const charge = async ([first, policies]: [string, Policy], i: number): Promise<number> =>
      (
        await createLimiter({ store, policies, prefix: `${prefix}${first}`, timeout: "20s", denyCache: false }).consume(
          "key",
          {
            cost: i + 1,
          },
        )
      ).remaining;
    deepStrictEqual(
      await Promise.all(scopes.map(charge)),
      scopes.map((_, i) => 999 - i),
    );
    equal(new Set(scopes.map(([first, policy]) => scopeOf(first, policy))).size, scopes.length);
  });

  test("keys that imitate the stored entries of others stay apart", async ({ open, prefix }) => {
    const store = await open();
    const policies = ["one", "two"].map((name) => policyOf("fixed-window", 1_000, LONG_MS, name));
    const limiters = policies.map((policy) =>
      createLimiter({ store, policies: policy, prefix, timeout: "20s", denyCache: false }),
    );
    const victims = ["victim", "#", LONG, "a\0b"];
    const keys = victims.flatMap((key) => [
      key,
      ...policies.flatMap((policy) => imitationsOf(key, scopeOf(prefix, policy))),
    ]);
    const all = limiters.flatMap((limiter) => [...new Set(keys)].map((key) => ({ limiter, key })));
    await Promise.all(all.map(({ limiter, key }, i) => limiter.consume(key, { cost: i + 1 })));
    const left = await Promise.all(all.map(({ limiter, key }) => limiter.peek(key)));
    deepStrictEqual(
      left.map(({ remaining }) => remaining),
      all.map((_, i) => 999 - i),
    );
  });

  test("keys of a megabyte stay apart", async ({ open, prefix }) => {
    const policies = policyOf("token-bucket", 1_000, LONG_MS);
    const limiter = createLimiter({ store: await open(), policies, prefix, timeout: "20s" });
    const huge = "x".repeat(2 ** 20);
    const keys = [huge, `${huge}x`, `${huge.slice(1)}y`, `y${huge.slice(1)}`];
    for (const [i, key] of keys.entries()) {
      equal((await limiter.consume(key, { cost: 1_000 - i })).remaining, i);
      equal((await limiter.consume(key, { cost: i + 1 })).allowed, false);
    }
    for (const [i, key] of keys.entries()) equal((await limiter.peek(key)).remaining, i);
  });

  test("all entries of one admission may have different odd keys", async ({ open, prefix }) => {
    const store = await open();
    const policies = [policyOf("fixed-window", 1_000, LONG_MS, "one"), policyOf("sliding-log", 1_000, LONG_MS, "two")];
    const limiter = createLimiter({ store, policies, prefix, timeout: "20s", denyCache: false });
    const pairs = ODD_KEYS.map((key, i) => ({ one: key, two: ODD_KEYS[ODD_KEYS.length - 1 - i] as string }));
    await Promise.all(pairs.map((key, i) => limiter.consume(key, { cost: i + 1 })));
    const left = await Promise.all(pairs.map((key) => limiter.peek(key)));
    deepStrictEqual(
      left.map(({ policies: found }) => found.map(({ remaining }) => remaining)),
      pairs.map((_, i) => [999 - i, 999 - i]),
    );
  });
}

async function keepApart(store: Store, keys: readonly string[]): Promise<void> {
  const read = (): Promise<(number | undefined)[]> =>
    Promise.all(keys.map((key) => store.atomicUpdate<number>(key, () => undefined)));
  await Promise.all(keys.map((key, i) => store.atomicUpdate(key, () => ({ state: i, ttlMs: 60_000 }))));
  deepStrictEqual(
    await read(),
    keys.map((_, i) => i),
  );
  await Promise.all(keys.filter((_, i) => i % 2 === 0).map((key) => store.delete(key)));
  deepStrictEqual(
    await read(),
    keys.map((_, i) => (i % 2 === 0 ? undefined : i)),
  );
}
