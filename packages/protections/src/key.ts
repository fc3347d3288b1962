import { SluiceError } from "@sluice/core";

/**
 * Returns the key if it is valid. Messages contain its type but not its value: keys are often personal.
 *
 * @param what the argument's name
 * @throws SluiceError `INVALID_KEY`
 */
export function checkKey(key: string, what: string): string {
  if (typeof key === "string" && key !== "") return key;
  const found = key === "" ? "an empty string" : key === null ? "null" : `a value of type ${typeof key}`;
  throw new SluiceError("INVALID_KEY", `${what} must be a non-empty string, got ${found}`);
}
