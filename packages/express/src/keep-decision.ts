import type { Request } from "express";

/** The values that are kept for requests, by the name under which the app finds them. */
type Kept = Map<string, WeakMap<object, unknown>>;

const keptBy = new WeakMap<object, Kept>();

/**
 * Makes the function that puts a decision on a request, where the app finds it by `name`.
 *
 * Every request of Express has a separate hidden class, since its prototype was exchanged; one more property on it
 * costs more than limiting it. So the property is on the prototype that all apps share, Express's way to extend
 * requests.
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
 * The map in which `express.request` keeps the property of this name; `undefined` for other objects, and if there is
 * such a property already.
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
    // Another limiter's decision, or the app's: as everywhere, the last one counts.
    set(this: object, value: unknown) {
      kept.set(this, value);
    },
  });
  if (isDefined) byName.set(name, kept);
  return isDefined ? kept : undefined;
}
