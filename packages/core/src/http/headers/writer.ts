import type { Decision } from "../../limiter/decision.js";
import type { Rule } from "../../options.js";
import { draft11 } from "./draft-11.js";
import type { AdvertisedPolicy, HeaderField, StateField } from "./field.js";
import { draft6, draft7, legacy } from "./older-forms.js";

/**
 * A form of the RateLimit fields. `"draft-11"`, `"draft-7"` and `"draft-6"` are versions of the IETF draft (`"draft-8"`
 * sends the same as `"draft-11"`). `"legacy"` sends the `X-RateLimit-` fields.
 */
export type HeaderFormName = "draft-11" | "draft-8" | "draft-7" | "draft-6" | "legacy";

/** A form that sends fields of its own. */
type DistinctForm = Exclude<HeaderFormName, "draft-8">;

/** Newest first. */
const HEADER_FORMS: readonly DistinctForm[] = ["draft-11", "draft-7", "draft-6", "legacy"];

/** The values of the option `headers`. */
export const FORMS: Rule = {
  is: (headers) => headers === false || headers === "none" || [headers].flat().every((form) => isForm(form)),
  must: `be "none", false or one or more of ${HEADER_FORMS.join(", ")}`,
};

function isForm(form: unknown): boolean {
  return form === "draft-8" || HEADER_FORMS.includes(form as DistinctForm);
}

/** The forms that the option `headers` asks for. */
export function formsOf(
  headers: HeaderFormName | readonly HeaderFormName[] | "none" | false = "draft-11",
): readonly DistinctForm[] {
  if (headers === false || headers === "none") return [];
  return ([headers].flat() as readonly HeaderFormName[]).map((name) => (name === "draft-8" ? "draft-11" : name));
}

/** Writes the fields for the decisions of one limiter. */
export type FieldWriter = (decision: Decision, nowMs: () => number) => readonly HeaderField[];

/**
 * Creates the writer of some forms. If two of them use one field name in different ways, the newest wins. So `draft-7` adds
 * nothing to `draft-11`.
 */
export function fieldWriter(
  forms: readonly HeaderFormName[],
  policies: readonly AdvertisedPolicy[],
  legacyReset: "epoch" | "delta",
): FieldWriter {
  const byName = { "draft-11": draft11, "draft-7": draft7, "draft-6": draft6, legacy: legacy(legacyReset) };
  const written = HEADER_FORMS.filter(
    (name) => forms.includes(name) && !(name === "draft-7" && forms.includes("draft-11")),
  );
  const policyField = written.map((name) => byName[name].policyField(policies)).find((field) => field !== undefined);
  const constant: readonly HeaderField[] = policyField === undefined ? [] : [policyField];
  const states = written.flatMap((name) => byName[name].stateFields(policies));
  const write =
    constant.length === 1 && states.length === 1
      ? pair(constant[0] as HeaderField, states[0] as StateField)
      : all(constant, states);
  // If the store does not answer, the numbers are unknown. The policies are sent anyway.
  return (decision, nowMs) => (isAnswered(decision) ? write(decision, nowMs) : constant);
}

/** Writes draft 11 alone, which nearly every limiter uses. Faster than writing a list of any length. */
function pair(constant: HeaderField, { name, append, write }: StateField): FieldWriter {
  return (decision, nowMs) => [constant, { name, value: write(decision, nowMs), append }];
}

function all(constant: readonly HeaderField[], states: readonly StateField[]): FieldWriter {
  return (decision, nowMs) => [
    ...constant,
    ...states.map(({ name, append, write }) => ({ name, value: write(decision, nowMs), append })),
  ];
}

function isAnswered({ source }: Decision): boolean {
  return source !== "failOpen" && source !== "failClosed";
}
