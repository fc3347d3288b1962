import type { MaybePromise } from "@sluice/core";
import type { HttpPort } from "@sluice/core/http";

/** What the guards ask of a framework's request besides what `rateLimit` asks. */
export interface ProtectionPort<Req> extends HttpPort<Req> {
  /** The path with the query, as the client sent it. */
  target(request: Req): string;
  /** The body as something before read it: text, bytes, or what was parsed of it. `undefined` when nothing did. */
  body(request: Req): MaybePromise<unknown>;
}
