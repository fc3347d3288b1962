import type { MaybePromise } from "@sluice/core";
import {
  type Answer,
  after,
  bodyOf,
  type HeaderField,
  type Message,
  problemBody,
  problemType,
  reducedCapacity,
  type Verdict,
} from "@sluice/core/http";
import { invalidOption } from "@sluice/core/store";

/** What is answered to a request that may not go on. */
export interface Denial<Found> extends Answer {
  /** What was found out about the request; `undefined` where the store did not answer. */
  readonly found: Found | undefined;
  /** The middleware's option `name`. */
  readonly name: string | undefined;
}

/** Options of a denial. */
export interface DenialOptions<Req, Found> {
  /** The status: 400 to 599. */
  statusCode?: number | undefined;
  /** The `type` of the problem document. Default `"about:blank"`. */
  type?: string | undefined;
  /** The `title` of the problem document. Default: the name of the status, and none with a `type` or `statusCode` of your own. */
  title?: string | undefined;
  /** The body instead of the problem document: a text, an object that is sent as JSON, or a function that makes one. */
  message?: Message | ((request: Req, found: Found) => MaybePromise<Message>) | undefined;
  /** What the middleware is called in warnings and in what its handler is given. */
  name?: string | undefined;
}

/** The names of {@link DenialOptions}, `name` aside. */
export const DENIAL_OPTIONS: readonly (keyof DenialOptions<never, never>)[] = [
  "statusCode",
  "type",
  "title",
  "message",
];

/** What a guard says that denies in this way. */
export type DenialVerdict<Found> = Verdict<Found | undefined, Denial<Found>>;

/** Makes verdicts that deny. */
export interface Denier<Req, Found> {
  deny(request: Req, found: Found): MaybePromise<DenialVerdict<Found>>;
  /** For a store that did not answer. */
  unavailable(): DenialVerdict<Found>;
}

/** A cache must not answer others with it, nor the same client later. */
const NO_STORE: readonly HeaderField[] = [{ name: "Cache-Control", value: "no-store", append: false }];

/** @throws SluiceError `INVALID_OPTION` */
export function denier<Req, Found>(
  options: DenialOptions<Req, Found>,
  standard: { readonly status: number; readonly title: string; readonly detail: string },
): Denier<Req, Found> {
  const { statusCode = standard.status, message, name } = options;
  if (!Number.isInteger(statusCode) || statusCode < 400 || statusCode > 599) {
    throw invalidOption("statusCode", statusCode, "give a status of an error, 400 to 599");
  }
  // A title of `about:blank` is the name of the status (RFC 9457, section 4.2.1).
  const ofStatus = statusCode === standard.status ? standard.title : undefined;
  const type = problemType(options, { type: "about:blank", title: ofStatus });
  const fixed =
    message === undefined
      ? problemBody({ ...type, status: statusCode, detail: standard.detail })
      : typeof message === "function"
        ? undefined
        : bodyOf(message);
  const unavailable = { status: 503, ...problemBody(reducedCapacity()) };

  function verdict(found: Found | undefined, answer: Answer): DenialVerdict<Found> {
    return { decision: found, fields: NO_STORE, rejection: { ...answer, found, name }, settle: undefined };
  }

  return {
    deny(request, found) {
      if (fixed !== undefined) return verdict(found, { status: statusCode, ...fixed });
      const write = message as (request: Req, found: Found) => MaybePromise<Message>;
      return after(write(request, found), (written) => verdict(found, { status: statusCode, ...bodyOf(written) }));
    },
    unavailable: () => verdict(undefined, unavailable),
  };
}
