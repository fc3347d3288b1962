import { SluiceError } from "@sluice/core/store";

/** @throws SluiceError `STORE_FAILED` for a reply that is not JSON */
export function parseReply(reply: string): unknown {
  try {
    return JSON.parse(reply);
  } catch {
    throw unreadableReply(reply);
  }
}

/** The error for a reply of another shape than the functions return. */
export function unreadableReply(reply: unknown): SluiceError {
  const shown = typeof reply === "string" ? JSON.stringify(reply.slice(0, 60)) : `a value of type ${typeof reply}`;
  return new SluiceError(
    "STORE_FAILED",
    `the Postgres client returned an unreadable reply, ${shown}. Pass a client whose type parsers and transforms leave ` +
      "values of type text alone",
  );
}
