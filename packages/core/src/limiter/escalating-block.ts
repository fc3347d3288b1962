import { fixedWindow } from "../algorithm/fixed-window.js";
import { COUNT, type Policy } from "../algorithm/policy.js";
import { type Duration, parseDuration } from "../duration.js";
import { invalidOption } from "../errors.js";
import { isPromise, type MaybePromise } from "../maybe-promise.js";
import { check, checkOptions, type Rules } from "../options.js";
import { blockEntry } from "../store/entry.js";
import { scopeOf } from "../store/entry-key.js";
import type { CallOptions, Claim, Outcome } from "../store/store.js";
import type { AttachableBlock, AutoBlock } from "./auto-block.js";
import { claimsNamed, type LimiterKey } from "./claims.js";
import type { Decision } from "./decision.js";
import { forgetEntries } from "./forget.js";

/** Options of {@link escalatingBlock}. */
export interface EscalatingBlockOptions {
  /** Denials that lead to a block: a whole number of 1 or more. */
  after: number;
  /** The time within which denials are counted, starting with the first one. */
  within: Duration;
  /** The length of the first block. Each further block lasts twice as long as the previous one. */
  duration: Duration;
  /** The longest block. Default `"1d"`. */
  maxDuration?: Duration | undefined;
  /** How long after the end of a block the next block counts as the first again. Default `"1d"`. */
  forgetAfter?: Duration | undefined;
  /**
   * The names of the policies whose denials count. Default: all. Required if the limiter has a key for each policy, because
   * denials by a limit that all clients share would block all of them.
   */
  policies?: readonly string[] | undefined;
  /** Called for every block, in the process that created it. Errors that it throws are ignored. */
  onBlock?: ((event: AutoBlockEvent) => void) | undefined;
}

/** A new block. */
export interface AutoBlockEvent {
  /** The blocked key: that of the policy that denied. Keys are often personal, so think before you log them. */
  readonly key: string;
  /** 1 for the first block, 2 for the second. */
  readonly level: number;
  readonly durationMs: number;
}

/** How many blocks a key has had, when the last one ends, and how long it lasts. Version 1 lacks the length. */
type Escalation =
  | readonly [version: 1, level: number, untilMs: number]
  | readonly [version: 2, level: number, untilMs: number, durationMs: number];

/** A client to block. */
interface Offender {
  /** The policy under which its violations and blocks are stored. */
  readonly policy: Policy;
  readonly key: string;
  /** True if all policies have this key. */
  readonly isPlain: boolean;
}

const DAY_MS = 86_400_000;

const RULES: Rules<EscalatingBlockOptions> = {
  after: "any",
  within: "any",
  duration: "any",
  maxDuration: "any",
  forgetAfter: "any",
  policies: { is: areNames, must: "be an array of the names of policies" },
  onBlock: "function",
};

function areNames(names: unknown): boolean {
  return Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === "string" && name !== "");
}

/** More doublings exceed every longest block. */
const MOST_DOUBLINGS = 40;

/**
 * Blocks clients that keep sending requests after a denial, for the option `autoBlock` of a limiter. A client that is
 * denied `after` times within `within` is blocked for `duration`. Each further block lasts twice as long, up to
 * `maxDuration`. Denials of a blocked key do not count, nor do those of `wait` and `peek`. All processes on the same store
 * share exact counts.
 *
 * A denial takes one more round trip, and a block some more. The limiter's `reset` ends a block, and forgets denials and
 * earlier blocks.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter, escalatingBlock, tokenBucket } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const limiter = createLimiter({
 *   store: memoryStore(),
 *   policies: tokenBucket({ rate: 10 }),
 *   autoBlock: escalatingBlock({ after: 50, within: "1m", duration: "1m", maxDuration: "1d" }),
 * });
 * ```
 */
export function escalatingBlock(options: EscalatingBlockOptions): AutoBlock {
  checkOptions(options, RULES, "escalatingBlock");
  const { after, within, duration, maxDuration = DAY_MS, forgetAfter = DAY_MS } = options;
  const { policies: names, onBlock = () => {} } = options;
  const limit = check("after", after, COUNT);
  const policy = fixedWindow({ name: "violations", limit, window: parseDuration(within, "within") });
  const firstMs = parseDuration(duration, "duration");
  const maxMs = parseDuration(maxDuration, "maxDuration");
  const forgetAfterMs = parseDuration(forgetAfter, "forgetAfter");
  if (maxMs < firstMs) throw invalidOption("maxDuration", maxDuration, 'be at least as long as "duration"');

  const autoBlock: AttachableBlock = {
    policy,
    attach(host) {
      const { asked: store, prefix, policies, claims, engine } = host;
      const stranger = names?.find((name) => !policies.some((known) => known.name === name));
      if (stranger !== undefined) {
        throw invalidOption("autoBlock.policies", stranger, "name policies of the limiter");
      }
      const counted = policies.filter(({ name }) => names?.includes(name) ?? true);

      /** A key for all policies has one counter, stored under the first policy. */
      function offendersOf(key: LimiterKey, isViolated: (policy: Policy) => boolean): readonly Offender[] {
        if (typeof key === "string") {
          return counted.some(isViolated) ? [{ policy: policies[0] as Policy, key, isPlain: true }] : [];
        }
        return counted.flatMap((violated) => {
          const own = Object.hasOwn(key, violated.name) ? key[violated.name] : undefined;
          return own !== undefined && isViolated(violated) ? [{ policy: violated, key: own, isPlain: false }] : [];
        });
      }

      /** The claims of the entries to block, the same as for the limiter's `block`. */
      function claimsOf({ policy: { name }, key, isPlain }: Offender): readonly Claim[] {
        return claimsNamed(claims, policies, isPlain ? key : { [name]: key });
      }

      function countClaim({ policy: { name }, key }: Offender): Claim {
        return { scope: scopeOf(prefix, { ...policy, name: `violations of ${name}` }), key, policy, cost: 1 };
      }

      function escalationKey({ policy: { name }, key }: Offender): string {
        return scopeOf(prefix, { name: `blocks of ${name}`, algorithm: "record" }) + key;
      }

      /** Counts one violation. Resolves to the number of violations left until a block. */
      function count(offender: Offender, calls: CallOptions): MaybePromise<number> {
        const outcome = engine.decide([countClaim(offender)], true, calls);
        const left = ({ findings: [finding] }: Outcome): number => finding?.remaining ?? 0;
        return isPromise(outcome) ? outcome.then(left) : left(outcome);
      }

      /** Raises the level by one, unless another call has already created a block that is in force. */
      function escalate(
        before: Escalation | undefined,
        nowMs: number,
      ): { next: Escalation; isNew: boolean } | undefined {
        const [, level, untilMs] = before ?? [1, 0, 0];
        if (untilMs > nowMs) {
          // The block would last longer than its length, so the clock stepped back.
          const mostMs = before?.[0] === 2 ? before[3] : maxMs;
          return untilMs - nowMs > mostMs ? { next: [2, level, nowMs + mostMs, mostMs], isNew: false } : undefined;
        }
        const earlier = nowMs - untilMs < forgetAfterMs ? level : 0;
        const durationMs = Math.min(maxMs, firstMs * 2 ** Math.min(earlier, MOST_DOUBLINGS));
        return { next: [2, earlier + 1, nowMs + durationMs, durationMs], isNew: true };
      }

      /** Blocks, and raises the level unless another call has just done so. Keeps a block that ends later. */
      async function block(offender: Offender, calls: CallOptions): Promise<void> {
        let made: AutoBlockEvent | undefined;
        let leftMs = 0;
        await store.atomicUpdate<Escalation>(
          escalationKey(offender),
          (before, nowMs) => {
            const escalated = escalate(before, nowMs);
            const [, level, untilMs] = escalated?.next ?? (before as Escalation);
            leftMs = untilMs - nowMs;
            made = escalated?.isNew ? { key: offender.key, level, durationMs: leftMs } : undefined;
            return escalated && { state: escalated.next, ttlMs: leftMs + forgetAfterMs };
          },
          calls,
        );
        await Promise.all(
          claimsOf(offender).map((claim) =>
            engine.update(claim, (entry, nowMs) => blockEntry(entry, claim.policy, nowMs, leftMs), calls),
          ),
        );
        // After the blocking, because violations would otherwise be counted again while it is under way.
        await forgetEntries(host, [countClaim(offender)], calls);
        if (made !== undefined) notify(made);
      }

      function notify(event: AutoBlockEvent): void {
        try {
          onBlock(event);
        } catch {
          // The block is in force even if its listener fails.
        }
      }

      return {
        check(key) {
          if (typeof key === "string" || names !== undefined) return;
          throw invalidOption(
            "autoBlock.policies",
            names,
            "list the policies whose violations count, because each policy has a separate key",
          );
        },

        denied(decision, key, calls, again) {
          const offenders = offendersOf(key, ({ name }) => decision.violated.includes(name));
          if (decision.policies.some(({ blocked }) => blocked)) return decision;

          const judge = (left: readonly number[]): MaybePromise<Decision> => {
            const due = offenders.filter((_, i) => left[i] === 0);
            return due.length === 0
              ? decision
              : host.bounded(Promise.all(due.map((offender) => block(offender, calls))), calls).then(again);
          };
          // The request is denied in any case. The next decision reports a failure of the store.
          const orNot = (judged: Promise<Decision>): Promise<Decision> => judged.catch(() => decision);
          try {
            const counts = offenders.map((offender) => count(offender, calls));
            const judged = counts.some((left) => typeof left !== "number")
              ? host.bounded(Promise.all(counts), calls).then(judge)
              : judge(counts as number[]);
            return isPromise(judged) ? orNot(judged) : judged;
          } catch {
            return decision;
          }
        },

        async forget(key, calls) {
          const offenders = offendersOf(key, () => true);
          await forgetEntries(host, offenders.map(countClaim), calls);
          await Promise.all(offenders.map((offender) => store.delete(escalationKey(offender), calls)));
        },
      };
    },
  };
  return autoBlock;
}
