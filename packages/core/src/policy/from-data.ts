import { parseDuration } from "../duration.js";
import { rejectUnknown } from "../unknown-option.js";
import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from "./constructors.js";
import {
  type BuiltInPolicy,
  checkCount,
  type FixedWindowPolicy,
  type Policy,
  type TokenBucketPolicy,
} from "./policy.js";

/**
 * The policy that data from a file or from a programmer's hand describes: checked, frozen and with its algorithm.
 * `undefined` when the algorithm is none that comes with Sluice.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function policyFromData(data: Policy): BuiltInPolicy | undefined {
  const { algorithm, ...numbers } = data as BuiltInPolicy;
  const kind = `a policy with algorithm "${algorithm}"`;
  if (algorithm === "token-bucket") {
    rejectUnknown(numbers, ["name", "rate", "intervalMs", "burst"], kind);
    const { name, rate, intervalMs, burst } = data as TokenBucketPolicy;
    // A default is for those who leave an option out of a call; data that lacks a number is broken.
    checkCount("rate", rate);
    checkCount("burst", burst);
    return tokenBucket({ name, rate, burst, interval: parseDuration(intervalMs, "intervalMs") });
  }
  const make = Object.hasOwn(windows, algorithm) ? windows[algorithm] : undefined;
  if (make === undefined) return undefined;
  rejectUnknown(numbers, ["name", "limit", "windowMs"], kind);
  const { name, limit, windowMs } = data as FixedWindowPolicy;
  return make({ name, limit, window: parseDuration(windowMs, "windowMs") });
}

const windows = { "fixed-window": fixedWindow, "sliding-window": slidingWindow, "sliding-log": slidingLog };
