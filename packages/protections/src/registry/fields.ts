import { invalidOption } from "@sluice/core/store";

/** The values that JSON has. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** The fields that an app keeps for a client. */
export type ClientFields = Readonly<Record<string, JsonValue>>;

/** Databases may limit records to 400 kB. */
const MOST_BYTES = 100_000;

const DEEPEST = 32;

/**
 * A private copy of the fields.
 *
 * @throws SluiceError `INVALID_OPTION` for values that JSON would change, and for more than 100,000 bytes
 */
export function checkFields(fields: ClientFields): ClientFields {
  if (!isPlain(fields)) throw invalidOption("fields", fields, 'be an object, as in { plan: "free" }');
  const wrong = findWrong(fields, "fields", 0);
  if (wrong !== undefined) {
    const must = "be JSON: a string, a finite number, a boolean, null, an array or a plain object";
    throw invalidOption(wrong.path, wrong.value, must);
  }
  const text = JSON.stringify(fields);
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MOST_BYTES) {
    throw invalidOption("fields", fields, `have at most ${MOST_BYTES} bytes as JSON (it has ${bytes})`);
  }
  return JSON.parse(text);
}

interface Wrong {
  readonly path: string;
  readonly value: unknown;
}

/** The first value that is not JSON, or is nested too deep. */
function findWrong(value: unknown, path: string, depth: number): Wrong | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) {
    return undefined;
  }
  if (!(Array.isArray(value) || isPlain(value)) || depth > DEEPEST) return { path, value };
  const isArray = Array.isArray(value);
  for (const [name, item] of Object.entries(value)) {
    const wrong = findWrong(item, isArray ? `${path}[${name}]` : `${path}.${name}`, depth + 1);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
