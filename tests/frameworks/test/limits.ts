import { expect } from "vitest";
import { type Answer, type App, type Asked, ask } from "./app.js";

/** A limit that a page prints. */
export interface Limit {
  /** How many requests a client may send at once. */
  readonly burst: number;
  /** How many more requests it may send per second. Default 0. */
  readonly rate?: number;
}

/** Checks that one client reaches its limit and that another one has its own. */
export async function expectLimit(app: App, client: Asked, other: Asked, { burst, rate = 0 }: Limit): Promise<void> {
  const startMs = performance.now();
  const answers: Answer[] = [];
  do answers.push(await ask(app, client));
  while (answers.at(-1)?.status === 200 && answers.length < 1_000);

  const denied = answers.pop();
  const least = burst;
  const most = burst + (rate * (performance.now() - startMs)) / 1_000;
  expect(answers.length, "allowed requests").toBeGreaterThanOrEqual(least);
  expect(answers.length, "allowed requests").toBeLessThanOrEqual(most);
  for (const { headers } of answers) expect(headers).toMatchObject(fields(/r=\d+/));
  if (rate === 0) expect(answers.map(({ headers }) => headers.ratelimit)).toEqual(countdown(burst));

  expect(denied?.status).toBe(429);
  expect(denied?.headers).toMatchObject({
    ...fields(/r=0/),
    "retry-after": expect.stringMatching(/^[1-9]\d*$/),
    "content-type": expect.stringMatching(/^application\/problem\+json/),
  });
  expect(JSON.parse(denied?.body ?? "")).toMatchObject({ status: 429 });

  const another = await ask(app, other);
  expect([another.status, another.body]).toEqual([200, answers[0]?.body]);
  expect(another.headers).toMatchObject(fields(new RegExp(`r=${burst - 1}`)));
}

function fields(left: RegExp): object {
  return { ratelimit: expect.stringMatching(left), "ratelimit-policy": expect.stringMatching(/q=\d+/) };
}

function countdown(burst: number): unknown[] {
  return Array.from({ length: burst }, (_, i) => expect.stringContaining(`;r=${burst - 1 - i};`));
}
