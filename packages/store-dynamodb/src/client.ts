import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { reportedByStore, SluiceError } from "@sluice/core/store";

/**
 * The parts of a client that the store uses: a `DynamoDBClient`, `DynamoDB`, `DynamoDBDocumentClient` or `DynamoDBDocument`
 * of the AWS SDK for JavaScript v3. The store sends commands through it and never destroys it.
 */
export interface DynamodbClient {
  readonly config: object;
  send(...args: never[]): unknown;
}

/** Sends a command of `@aws-sdk/client-dynamodb`. All of these clients can do that. */
export type Send = (command: object, options?: { abortSignal?: AbortSignal }) => Promise<unknown>;

/** @throws SluiceError `INVALID_CLIENT` */
export function sendOf(client: DynamodbClient): Send {
  const given: unknown = client;
  const { send, config } = (given ?? {}) as { send?: unknown; config?: { serviceId?: unknown } };
  if (typeof send !== "function" || config?.serviceId !== "DynamoDB") throw invalidClient(descriptionOf(given), FIX);
  checkVersion(client);
  return async (command, options) => (send as unknown as Send).call(client, command, options);
}

const FIX =
  "Pass a client of @aws-sdk/client-dynamodb such as new DynamoDBClient({}), or a DynamoDBDocumentClient created from one.";

function invalidClient(found: string, fix: string, options?: ErrorOptions): SluiceError {
  const message = `option "client" must be a DynamoDB client of the AWS SDK v3, got ${found}. ${fix}`;
  return new SluiceError("INVALID_CLIENT", message, options);
}

function descriptionOf(given: unknown): string {
  if (typeof given === "string") return "a string";
  if (typeof given === "function") return `the function or class ${given.name || "without a name"}`;
  if (typeof given !== "object" || given === null) return String(given);
  const { config, makeRequest, service, then } = given as {
    config?: { serviceId?: unknown };
    makeRequest?: unknown;
    service?: { makeRequest?: unknown };
    then?: unknown;
  };
  if (typeof makeRequest === "function" || typeof service?.makeRequest === "function") {
    return "a client of the AWS SDK v2 (the package aws-sdk)";
  }
  if (typeof then === "function") return "a promise";
  if (typeof config?.serviceId === "string") return `a client of ${config.serviceId}`;
  const { name } = (given.constructor ?? {}) as { name?: unknown };
  return typeof name === "string" && name !== "Object" ? `an object of the class ${name}` : "an object";
}

/** Checks that the client can send the commands. An older client can't, and an application may have two copies of the SDK. */
function checkVersion(client: object): void {
  const { middlewareStack, config } = client as { middlewareStack: never; config: never };
  try {
    new GetItemCommand({ TableName: "limits", Key: {} }).resolveMiddleware(middlewareStack, config, {});
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalidClient(
      `one that can't send the commands of the installed @aws-sdk/client-dynamodb (${why})`,
      "It comes from another version of that package. `npm ls @aws-sdk/client-dynamodb` shows all copies: install one version.",
      { cause: error },
    );
  }
}

/** The part of a command's middleware stack that is used here. */
export interface MiddlewareStack {
  add(middleware: Middleware, options: { step: "deserialize"; priority: "high"; name: string }): void;
}

type Handler = (args: object) => Promise<{ response: unknown }>;
type Middleware = (next: Handler) => Handler;

/** A failure after which it is unknown whether the request was carried out. The SDK does not retry errors of this form. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
  /** Not named `cause`: the SDK looks for retryable errors in that property. */
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("the request may or may not have been carried out");
    this.reason = reason;
  }
}

/**
 * Keeps the SDK from repeating a write whose first attempt may have been carried out: after a timeout, a broken connection
 * or a server error. The SDK may still retry requests that the server rejected, such as throttled ones. Its retry step
 * wraps this one, so each attempt passes here.
 */
export function sendOnce(stack: MiddlewareStack): void {
  let lost: Unanswered | undefined;
  const middleware: Middleware = (next) => async (args) => {
    if (lost !== undefined) throw lost;
    try {
      return await next(args);
    } catch (error) {
      if (wasRefused(error)) throw error;
      lost = new Unanswered(error);
      throw lost;
    }
  };
  stack.add(middleware, { step: "deserialize", priority: "high", name: "sluiceSendOnce" });
}

/** Returns whether the server reports that it did nothing. */
function wasRefused(error: unknown): boolean {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? 0;
  return status >= 400 && status < 500;
}

/** Details of the attempt that got an answer. */
export interface Answered {
  /** The `Date` header. */
  readonly date: string | undefined;
  /** When the request was sent and when the answer arrived, by this machine's clock. */
  readonly sentMs: number;
  readonly answeredMs: number;
  /** How long it took, by a clock that is never adjusted. */
  readonly tookMs: number;
}

/** Calls `seen` with the answer of each attempt, except errors. */
export function watchAnswers(stack: MiddlewareStack, seen: (answered: Answered) => void): void {
  const middleware: Middleware = (next) => async (args) => {
    const [sentMs, startMs] = [Date.now(), performance.now()];
    const noteAnswer = (date: string | undefined): void =>
      seen({ date, sentMs, answeredMs: Date.now(), tookMs: performance.now() - startMs });
    try {
      const result = await next(args);
      const { headers } = (result?.response ?? {}) as { headers?: Readonly<Record<string, string>> };
      noteAnswer(headers?.date);
      return result;
    } catch (error) {
      if ((error as Partial<Error> | undefined)?.name === "ConditionalCheckFailedException") noteAnswer(undefined);
      throw error;
    }
  };
  stack.add(middleware, { step: "deserialize", priority: "high", name: "sluiceWatchAnswers" });
}

/** Error messages of the AWS SDK and of DynamoDB, with their fixes. */
const NOT_READY: readonly {
  readonly name?: RegExp;
  readonly message?: RegExp;
  readonly fix: (table: string) => string;
}[] = [
  {
    name: /^ResourceNotFoundException$/,
    fix: (table) =>
      `DynamoDB has no table "${table}" in the client's region and account: create it from tableDefinition() or with createSchema()`,
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
      "DynamoDB Local accepts any",
  },
  {
    name: /^(CredentialsProviderError|CredentialsError|TokenProviderError)$/,
    fix: () =>
      "the DynamoDB client has no credentials: assign a role to the process, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or " +
      "pass `credentials` to the DynamoDBClient; DynamoDB Local accepts any",
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

/** Converts a failure of the client or the service. */
export function storeFailed(error: unknown, table: string): SluiceError {
  if (error instanceof SluiceError) return error;
  const lost = error instanceof Unanswered;
  const cause = lost ? error.reason : error;
  const { name, message } = cause instanceof Error ? cause : { name: "", message: String(cause) };
  const known = NOT_READY.find((each) => (each.name?.test(name) ?? true) && (each.message?.test(message) ?? true));
  const once = lost ? "; the request was carried out once or not at all" : "";
  const failure =
    known !== undefined
      ? new SluiceError("STORE_NOT_READY", `${known.fix(table)} (${name}: ${message})`, { cause })
      : new SluiceError("STORE_FAILED", `DynamoDB failed: ${name === "" ? "" : `${name}: `}${message}${once}`, {
          cause,
        });
  return isRefused(cause) ? reportedByStore(failure) : failure;
}

/** Returns whether DynamoDB rejected the request, for example because a table or item gets too many. */
function isRefused(error: unknown): boolean {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: unknown } };
  const status = $metadata?.httpStatusCode;
  return typeof status === "number" && status < 500;
}

/** The codes of Node.js and undici for connections that can't be made, or that broke. */
const CODES =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN)|ENOTFOUND|EAI_AGAIN|EPROTO|CERT_.+|ERR_(TLS|SSL)_.+|UND_ERR_.+)$/;

/** The maximum depth at which the causes of an error are searched. */
const MAX_DEPTH = 5;

/** Returns whether a request failed because of its connection, so that DynamoDB did not answer. */
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
    // The SDK's own limits for connecting and for a request.
    if (name === "TimeoutError") return true;
    reason = cause ?? errors?.[0];
  }
  return false;
}
