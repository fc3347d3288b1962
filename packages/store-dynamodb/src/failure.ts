import { SluiceError } from "@sluice/core/store";
import { Unanswered } from "./send-once.js";

/** What the AWS SDK and DynamoDB say, and what helps. */
const NOT_READY: readonly {
  readonly name?: RegExp;
  readonly message?: RegExp;
  readonly fix: (table: string) => string;
}[] = [
  {
    name: /^ResourceNotFoundException$/,
    fix: (table) =>
      `DynamoDB has no table "${table}" in the client's region and account: make it from tableDefinition(), or by createTable()`,
  },
  {
    // The messages of AWS and of DynamoDB Local.
    name: /^ValidationException$/,
    message: /key element|conditions on the keys|required keys|mismatch for key/i,
    fix: (table) =>
      `the table "${table}" has another key: it needs the partition key "pk", a string, and no sort key, as in tableDefinition()`,
  },
  {
    message: /^Region is missing/,
    fix: () =>
      'the DynamoDB client has no region: set AWS_REGION, or pass `region` such as "eu-central-1" to the DynamoDBClient; ' +
      "DynamoDB Local takes any",
  },
  {
    name: /^(CredentialsProviderError|CredentialsError|TokenProviderError)$/,
    fix: () =>
      "the DynamoDB client has no credentials: give the process a role, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or " +
      "pass `credentials` to the DynamoDBClient; DynamoDB Local takes any",
  },
  {
    name: /^(UnrecognizedClientException|ExpiredTokenException|InvalidSignatureException|MissingAuthenticationTokenException|InvalidClientTokenId)$/,
    fix: () => "DynamoDB does not accept the client's credentials: check them, and the clock of this machine",
  },
  {
    name: /^AccessDeniedException$/,
    fix: (table) =>
      `the client's credentials may not use the table "${table}": grant dynamodb:GetItem, dynamodb:UpdateItem and ` +
      "dynamodb:DeleteItem on it, and dynamodb:Scan to list it",
  },
];

/** What a failure of the client or the service becomes. */
export function storeFailed(error: unknown, table: string): SluiceError {
  if (error instanceof SluiceError) return error;
  const lost = error instanceof Unanswered;
  const cause = lost ? error.reason : error;
  const { name, message } = cause instanceof Error ? cause : { name: "", message: String(cause) };
  const known = NOT_READY.find((each) => (each.name?.test(name) ?? true) && (each.message?.test(message) ?? true));
  if (known !== undefined) {
    return new SluiceError("STORE_NOT_READY", `${known.fix(table)} (${name}: ${message})`, { cause });
  }
  const once = lost ? "; what was asked has been done once or not at all" : "";
  return new SluiceError("STORE_FAILED", `DynamoDB failed: ${name === "" ? "" : `${name}: `}${message}${once}`, {
    cause,
  });
}
