/** The codes of Node.js and undici for connections that can't be made, or that broke. */
const CODES =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN)|ENOTFOUND|EAI_AGAIN|EPROTO|CERT_.+|ERR_(TLS|SSL)_.+|UND_ERR_.+)$/;

/** How deep the reasons of an error are looked through. */
const MAX_DEPTH = 5;

/** Whether a request failed because of its connection, so that DynamoDB said nothing. */
export function isConnectionError(error: unknown): boolean {
  let reason = error;
  for (let depth = 0; depth < MAX_DEPTH && typeof reason === "object" && reason !== null; depth++) {
    const { code, name, $metadata, cause, errors } = reason as {
      code?: unknown;
      name?: unknown;
      $metadata?: { httpStatusCode?: unknown };
      cause?: unknown;
      errors?: readonly unknown[];
    };
    if ($metadata?.httpStatusCode !== undefined) return false;
    if (typeof code === "string" && CODES.test(code)) return true;
    // The SDK's own limit for connections and for the time of a request.
    if (name === "TimeoutError") return true;
    reason = cause ?? errors?.[0];
  }
  return false;
}
