/*
 * A log of grants as text: for each the time since the one before in base 36, and where it was of more than one unit, a
 * colon and how many. `loyw3v28 rs:5 7` is one unit at 1700000000000, five a second later, and one 7 ms after those.
 */

/** `undefined` for what is no log, or not in order. */
export function encodeGrants(log: unknown): string | undefined {
  if (!Array.isArray(log) || log.length % 2 !== 0 || log.length === 0) return undefined;
  const grants: string[] = [];
  let beforeMs = 0;
  for (let i = 0; i < log.length; i += 2) {
    const [atMs, cost] = [log[i], log[i + 1]] as [unknown, unknown];
    if (!isCount(atMs) || !isCount(cost) || atMs < beforeMs) return undefined;
    const since = (atMs - beforeMs).toString(36);
    grants.push(cost === 1 ? since : `${since}:${cost.toString(36)}`);
    beforeMs = atMs;
  }
  return grants.join(" ");
}

/** `undefined` for what is no such text. */
export function decodeGrants(text: string): number[] | undefined {
  if (!/^[0-9a-z]+(:[0-9a-z]+)?( [0-9a-z]+(:[0-9a-z]+)?)*$/.test(text)) return undefined;
  const log: number[] = [];
  let atMs = 0;
  for (const grant of text.split(" ")) {
    const [since = "", cost = "1"] = grant.split(":");
    atMs += Number.parseInt(since, 36);
    log.push(atMs, Number.parseInt(cost, 36));
  }
  return log;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
