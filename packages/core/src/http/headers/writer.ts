import type { Decision } from "../../decision.js";
import { draft6 } from "./draft-6.js";
import { draft7 } from "./draft-7.js";
import { draft11 } from "./draft-11.js";
import type { AdvertisedPolicy, HeaderField, WriteField } from "./field.js";
import { type LegacyReset, legacy } from "./legacy.js";

/**
 * A form of the RateLimit fields: `"draft-11"` of the IETF draft (the same on the wire since draft 8), its older
 * `"draft-7"` and `"draft-6"`, and `"legacy"` with the `X-RateLimit-` fields.
 */
export type HeaderFormName = "draft-11" | "draft-7" | "draft-6" | "legacy";

/** Newest first. */
export const HEADER_FORMS: readonly HeaderFormName[] = ["draft-11", "draft-7", "draft-6", "legacy"];

/** Writes the fields for the decisions of one limiter. */
export type FieldWriter = (decision: Decision, nowMs: () => number) => readonly HeaderField[];

/**
 * Makes the writer of some forms. Where two of them use one field name in different ways, the newest has it: `draft-7`
 * has nothing to add to `draft-11`.
 */
export function fieldWriter(
  forms: readonly HeaderFormName[],
  policies: readonly AdvertisedPolicy[],
  legacyReset: LegacyReset,
): FieldWriter {
  const byName = { "draft-11": draft11, "draft-7": draft7, "draft-6": draft6, legacy: legacy(legacyReset) };
  const written = HEADER_FORMS.filter(
    (name) => forms.includes(name) && !(name === "draft-7" && forms.includes("draft-11")),
  );
  const policyField = written.map((name) => byName[name].policyField(policies)).find((field) => field !== undefined);
  const constant: readonly HeaderField[] = policyField === undefined ? [] : [policyField];
  const writers: readonly WriteField[] = [
    ...constant.map((field) => () => field),
    ...written.flatMap((name) => byName[name].stateFields(policies)),
  ];
  return (decision, nowMs) => {
    // Without an answer of the store nobody knows the numbers; the policies stand all the same.
    if (decision.source === "failOpen" || decision.source === "failClosed") return constant;
    return writers.map((write) => write(decision, nowMs));
  };
}
