import type { Store } from "@sluice/core";
import { invalidOption } from "@sluice/core/store";

/**
 * What a guard works with: what the app made and shares with the guard, or what is made of a store and the options for it.
 *
 * @param method which what the app makes has, and a store has not
 * @param maker the function that makes it
 * @throws SluiceError `INVALID_OPTION` for an option that would be without effect
 */
export function madeOrOf<Made extends object>(
  storeOrMade: Store | Made,
  method: keyof Made,
  options: object,
  names: readonly string[],
  maker: { readonly name: string; make(options: Record<string, unknown> & { store: Store }): Made },
): Made {
  const given = Object.entries(options).filter(([name, value]) => names.includes(name) && value !== undefined);
  if (typeof (storeOrMade as Partial<Made> | undefined)?.[method] !== "function") {
    return maker.make({ ...Object.fromEntries(given), store: storeOrMade as Store });
  }
  const [first] = given;
  if (first === undefined) return storeOrMade as Made;
  throw invalidOption(first[0], first[1], `it has been set: give it to ${maker.name}`);
}
