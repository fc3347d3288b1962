import { invalidOption } from "@sluice/core/store";

/** @throws SluiceError `INVALID_OPTION` */
export function checkFunctions(functions: Readonly<Record<string, unknown>>): void {
  for (const [option, value] of Object.entries(functions)) {
    if (value !== undefined && typeof value !== "function") throw invalidOption(option, value, "give a function");
  }
}
