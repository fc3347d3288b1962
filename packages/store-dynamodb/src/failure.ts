import { SluiceError } from "@sluice/core";
import { Unanswered } from "./send-once.js";

/** What a failure of the client or the service becomes. */
export function storeFailed(error: unknown, table: string): SluiceError {
  if (error instanceof SluiceError) return error;
  const lost = error instanceof Unanswered;
  const cause = lost ? error.reason : error;
  const { name, message } = cause instanceof Error ? cause : { name: "", message: String(cause) };
  if (name === "ResourceNotFoundException") {
    return new SluiceError(
      "STORE_NOT_READY",
      `DynamoDB has no table "${table}" in the client's region and account: make it from tableDefinition(), or by createTable()`,
      { cause },
    );
  }
  // The messages of AWS and of DynamoDB Local.
  if (
    name === "ValidationException" &&
    /key element|conditions on the keys|required keys|mismatch for key/i.test(message)
  ) {
    return new SluiceError(
      "STORE_NOT_READY",
      `the table "${table}" has another key: it needs the partition key "pk", a string, and no sort key, ` +
        "as in tableDefinition()",
      { cause },
    );
  }
  const known = lost ? "; what was asked has been done once or not at all" : "";
  return new SluiceError("STORE_FAILED", `DynamoDB failed: ${name === "" ? "" : `${name}: `}${message}${known}`, {
    cause,
  });
}
