import type { GuardOptions, Rejection } from "@sluice/core/http";
import type { Context, Env } from "hono";
import type { AnswerHandler } from "./middleware.js";
import type { ConnectionOptions } from "./port.js";

/** Answers a rejected request. Status, `Retry-After` and the other fields are set already. */
export type RejectionHandler<E extends Env = Env> = AnswerHandler<Rejection, E>;

/** Options of `rateLimit`. Functions among them are given Hono's context. */
export interface RateLimitOptions<E extends Env = Env>
  extends GuardOptions<Context<E>, RejectionHandler<E>>,
    ConnectionOptions {}
