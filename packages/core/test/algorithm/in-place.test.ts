import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLANK, type CellAlgorithm } from "../../src/algorithm/cells.js";
import type { Finding } from "../../src/store/index.js";
import { ALGORITHMS, algorithmOf, backAndForth, policies, timed } from "../fixtures/arbitraries.js";

/** The value of all other cells. It is neither a time nor a count, so reading it by mistake changes a result. */
const OTHER = 2 ** 52 + 1;
const AT = 7;

describe.each(ALGORITHMS.filter((name) => name !== "sliding-log"))("%s in a large array", (algorithm) => {
  it("gives the same results as with a separate state, and writes to no other cells", () => {
    const refunded = fc.array(fc.boolean(), { minLength: 25, maxLength: 25 });
    fc.assert(
      fc.property(policies(algorithm), backAndForth, refunded, (policy, requests, refunds) => {
        const own = algorithmOf(policy) as unknown as CellAlgorithm;
        const cells = new Float64Array(2 * AT + own.width).fill(OTHER).fill(BLANK, AT, AT + own.width);
        const ours = () => [...cells.subarray(AT, AT + own.width)];
        // A store in memory reuses one object for all findings.
        const finding = {} as Finding;
        let state: readonly number[] | undefined;

        for (const [i, { nowMs, cost }] of timed(policy, requests).entries()) {
          const { next, ...found } = own.step(state, policy, nowMs, cost);
          const corrected = own.correct(cells, AT, policy, nowMs);
          own.judge(cells, AT, policy, nowMs, cost, finding);
          expect(finding).toEqual(found);
          if (finding.allowed) own.charge(cells, AT, policy, nowMs, cost);
          expect(finding.allowed || corrected).toBe(next !== undefined);
          state = next?.state ?? state;
          if (state === undefined) continue;
          expect(ours()).toEqual(state);

          if (!refunds[i]) continue;
          const back = own.refund?.(state, policy, nowMs, cost, finding.epochMs, nowMs);
          expect(own.restore(cells, AT, policy, nowMs, cost, finding.epochMs, nowMs)).toBe(back !== undefined);
          state = back?.state ?? state;
          expect(ours()).toEqual(state);
        }
        expect([...cells.subarray(0, AT), ...cells.subarray(AT + own.width)]).toEqual(new Array(2 * AT).fill(OTHER));
      }),
      { numRuns: 500 },
    );
  });
});
