import { allParts, type Parts } from "../limiter/parts.js";

/** What the limiters that a guard makes may be given. */
export const guardParts: Parts = allParts;
