import { randomUUID } from "node:crypto";
import { LANE } from "./keys.js";

/** What makes a script recognisable when a client library sends it twice: see `once.lua`. */
export interface Lane {
  /** The key that holds the number of the lane's last script that wrote. */
  readonly key: string;
  readonly number: string;
}

/** Hands out lanes, so that no two scripts on one lane are on their way at once. */
export interface Lanes {
  /** Runs `send` on a free lane, whose key is in the hash slot of `tag` if there are slots. */
  use<T>(tag: string, send: (lane: Lane) => Promise<T>): Promise<T>;
}

export function createLanes(prefix: string, cluster: boolean): Lanes {
  const caller = randomUUID();
  const free: number[] = [];
  let lanes = 0;
  let scripts = 0;

  return {
    async use(tag, send) {
      const lane = free.pop() ?? lanes++;
      scripts++;
      try {
        return await send({ key: `${prefix}{${cluster ? tag : 0}}${LANE}${caller}:${lane}`, number: String(scripts) });
      } finally {
        free.push(lane);
      }
    },
  };
}
