import { invalidOption } from "../errors.js";

const TYPES = "https://iana.org/assignments/http-problem-types";

/** The problem type of a reached limit, unless the app has one of its own. */
export const QUOTA_EXCEEDED: ProblemType = {
  type: `${TYPES}#quota-exceeded`,
  title: "Request cannot be satisfied as assigned quota has been exceeded",
};

/** A problem document (RFC 9457) of one of the types of draft-ietf-httpapi-ratelimit-headers-11, section 5. */
export interface Problem {
  readonly type: string;
  /** Absent where the app has a problem type of its own without a title: a title belongs to its type. */
  readonly title?: string;
  readonly status: number;
  /** The names of the policies that deny. */
  readonly "violated-policies": readonly string[];
  /** Whole seconds until the request would be allowed. Absent when waiting does not help. */
  readonly retryAfter?: number;
}

/** A problem type, and the title that belongs to it (RFC 9457, section 3.1.3). */
export interface ProblemType {
  readonly type: string;
  readonly title: string | undefined;
}

/**
 * The type of an answer: the standard one, unless the options have one of their own.
 *
 * @throws SluiceError `INVALID_OPTION`
 */
export function problemType(
  options: { readonly type?: string | undefined; readonly title?: string | undefined },
  standard: ProblemType,
): ProblemType {
  const { type = standard.type, title = type === standard.type ? standard.title : undefined } = options;
  if (typeof type !== "string" || !/^[\x21-\x7e]+$/.test(type)) throw invalidOption("type", type, "give a URI");
  if (title !== undefined && (typeof title !== "string" || title === "")) {
    throw invalidOption("title", title, "give a text, such as a short name of the problem");
  }
  return { type, title };
}

/** A limit was reached. Who reached it is not told: the key may be a secret. */
export function quotaExceeded(
  { type, title }: ProblemType,
  status: number,
  violated: readonly string[],
  retryAfter: number | undefined,
): Problem {
  return {
    type,
    ...(title !== undefined && { title }),
    status,
    "violated-policies": violated,
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** The store did not answer, and the limiter is closed then. */
export function reducedCapacity(): Problem {
  return {
    type: `${TYPES}#temporary-reduced-capacity`,
    title: "Request cannot be satisfied due to temporary server capacity constraints",
    status: 503,
    "violated-policies": [],
  };
}
