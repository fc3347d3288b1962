const TYPES = "https://iana.org/assignments/http-problem-types";

/** The problem type of a reached limit, unless the user has one of their own. */
export const QUOTA_EXCEEDED: string = `${TYPES}#quota-exceeded`;

/** A problem document (RFC 9457) of one of the types of draft-ietf-httpapi-ratelimit-headers-11, section 5. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** The names of the policies that deny. */
  readonly "violated-policies": readonly string[];
  /** Whole seconds until the request would be allowed. Absent when waiting does not help. */
  readonly retryAfter?: number;
}

/** A limit was reached. Who reached it is not told: the key may be a secret. */
export function quotaExceeded(
  type: string,
  status: number,
  violated: readonly string[],
  retryAfter: number | undefined,
): Problem {
  return {
    type,
    title: "Request cannot be satisfied as assigned quota has been exceeded",
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
