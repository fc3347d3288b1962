import type { MaybePromise } from "@sluice/core";
import { after, type HttpPort, invalidOption, type Rules, type Warn } from "@sluice/core/http";
import { checkKey } from "../key.js";
import { fingerprintOf } from "./fingerprint.js";

/** The safe methods of the IANA registry, and `QUERY`. */
const SAFE_METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
  "REPORT",
  "SEARCH",
  "QUERY",
]);

/** Options for comparing requests in a debouncer. */
export interface FingerprintOptions<Req> {
  /**
   * Returns a text that is equal for equal requests of one client. If it is `undefined` or empty, the request is never a
   * duplicate. Default: the method, the path with the query, and a digest of the parsed body. A request whose body was not
   * read is never a duplicate, and a warning is logged once.
   */
  fingerprint?: ((request: Req) => MaybePromise<string | undefined>) | undefined;
  /**
   * The methods of requests that can be duplicates, in upper case. Default: all but the safe methods (RFC 9110, section
   * 9.2.1), such as `GET` and `HEAD`, which only read and may be repeated at any time.
   */
  methods?: readonly string[] | undefined;
}

/** The rules of {@link FingerprintOptions}. */
export const FINGERPRINT_RULES: Rules<FingerprintOptions<never>> = {
  fingerprint: "function",
  methods: {
    is: (methods) => Array.isArray(methods) && methods.every((method) => /^[A-Z]+$/.test(method)),
    must: 'be an array of methods in upper case, as in ["POST", "PUT"]',
  },
};

/**
 * Creates the function that returns the fingerprint of a request, or `undefined` if it is never a duplicate.
 *
 * @throws SluiceError `INVALID_OPTION` if there is no `fingerprint` and the adapter can't read paths and bodies
 */
export function fingerprintSource<Req>(
  { fingerprint, methods }: FingerprintOptions<Req>,
  port: HttpPort<Req>,
  warn: Warn,
): (request: Req) => MaybePromise<string | undefined> {
  if (fingerprint === undefined && (port.target === undefined || port.body === undefined)) {
    throw invalidOption(
      "fingerprint",
      fingerprint,
      "be a function, because the adapter has no access to paths and bodies",
    );
  }

  function byDefault(request: Req): MaybePromise<string | undefined> {
    return after(fingerprintOf(request, port), (found) => {
      if (found === undefined) {
        warn("BODY_NOT_READ", "a request has a body that was not read, so it can't be compared with others.");
      }
      return found;
    });
  }

  const find =
    fingerprint === undefined
      ? byDefault
      : (request: Req) =>
          after(fingerprint(request), (found) =>
            // Clients can send an empty field.
            found === undefined || found === "" ? undefined : checkKey(found, "fingerprint"),
          );
  return (request) => {
    const method = port.method(request);
    const counts = methods === undefined ? !SAFE_METHODS.has(method) : methods.includes(method);
    return counts ? find(request) : undefined;
  };
}
