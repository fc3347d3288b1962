import type { Decision } from "@sluice/core";
import { invalidOption } from "@sluice/core/http";
import type { Request } from "express";

/** Returns the value that a middleware put on a request. */
export function found<T>(req: object, requestProperty: string): T | undefined {
  return Reflect.get(req, requestProperty);
}

/**
 * Returns the decision of `rateLimit` or `protect` about a request. If several decided, the last decision. `undefined` if
 * the request was not limited. A function, because a property in Express's types could conflict with the app's own types.
 *
 * @param requestProperty the middleware's `requestProperty` option
 *
 * @example
 * ```ts
 * import { decisionOf, rateLimit } from "@sluice/express";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * app.use(rateLimit(memoryStore()));
 * app.get("/", (req, res) => res.json({ left: decisionOf(req)?.remaining }));
 * ```
 */
export function decisionOf(req: object, requestProperty = "rateLimit"): Decision | undefined {
  return found(req, requestProperty);
}

/** The values that are kept for requests, by the name under which the app finds them. */
type Kept = Map<string, WeakMap<object, unknown>>;

const keptBy = new WeakMap<object, Kept>();

/**
 * Creates the function that puts a decision on a request under `name`.
 *
 * Every Express request has a hidden class of its own, because its prototype was replaced. One more property on it costs
 * more than limiting the request. So the property is on the prototype that all apps share, as is usual for extending
 * Express requests.
 */
export function decisionKeeper(name: string): (req: Request, decision: unknown) => void {
  let known: object | null = null;
  let kept: WeakMap<object, unknown> | undefined;
  return (req, decision) => {
    const prototype: object | null = Object.getPrototypeOf(req);
    if (prototype !== known) {
      known = prototype;
      kept = Object.hasOwn(req, name) ? undefined : keptFor(prototype && Object.getPrototypeOf(prototype), name);
    }
    if (kept === undefined) (req as Request & Record<string, unknown>)[name] = decision;
    else kept.set(req, decision);
  };
}

/**
 * The map behind the property of this name on `express.request`. `undefined` for other objects, and if the property already
 * exists.
 */
function keptFor(shared: object | null, name: string): WeakMap<object, unknown> | undefined {
  if (shared === null || !Object.hasOwn(shared, "protocol")) return undefined;
  const byName: Kept = keptBy.get(shared) ?? new Map();
  keptBy.set(shared, byName);
  const known = byName.get(name);
  if (known !== undefined || name in shared) return known;
  const kept = new WeakMap<object, unknown>();
  const isDefined = Reflect.defineProperty(shared, name, {
    configurable: true,
    get(this: object) {
      return kept.get(this);
    },
    // The value may come from another limiter or the app: as everywhere, the last one is kept.
    set(this: object, value: unknown) {
      kept.set(this, value);
    },
  });
  if (isDefined) byName.set(name, kept);
  return isDefined ? kept : undefined;
}

/** The properties of Node's requests: those of `IncomingMessage`, of streams and of emitters. */
const NODE_NAMES = new Set(
  (
    "aborted client complete connection headers headersDistinct httpVersion httpVersionMajor httpVersionMinor " +
    "joinDuplicateHeaders method rawHeaders rawTrailers setTimeout signal socket statusCode statusMessage trailers " +
    "trailersDistinct upgrade url " +
    "asIndexedPairs closed compose destroy destroyed drop errored every filter find flatMap forEach isPaused iterator map pause pipe push " +
    "read readable readableAborted readableBuffer readableDidRead readableEncoding readableEnded readableFlowing readableHighWaterMark " +
    "readableLength readableObjectMode reduce resume setEncoding some take toArray unpipe unshift wrap " +
    "addListener emit eventNames getMaxListeners listenerCount listeners off on once prependListener " +
    "prependOnceListener rawListeners removeAllListeners removeListener setMaxListeners"
  ).split(" "),
);

/** @throws SluiceError `INVALID_OPTION` for a name that Node uses, such as `client`, which is the socket */
export function checkProperty(name: string): string {
  if (!NODE_NAMES.has(name)) return name;
  throw invalidOption("requestProperty", name, "not be a property that Node's requests have");
}
