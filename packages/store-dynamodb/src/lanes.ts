import { createKeyedBatcher, SluiceError } from "@sluice/core";
import { type DecideCall, decideCalls } from "./decide.js";
import type { RecentItems } from "./recent-items.js";
import { type Session, withSession } from "./session.js";
import type { Slots } from "./slots.js";
import type { Table } from "./table.js";
import { type DeleteCall, deleteEntry, type UpdateCall, updateEntry } from "./update.js";

/** A call on one item. */
export type Call = DecideCall | UpdateCall | DeleteCall;

/** Makes the calls on each item take turns, so that those of one process do not race each other. */
export interface Lanes {
  /** Answers a call on the item, with those that were made meanwhile. */
  add(pk: string, call: Call): Promise<unknown>;
}

/** An answer in a box of its own, so that the batcher takes every answer as one. */
type Answer = { readonly value: unknown } | { readonly error: unknown };

export function createLanes(resources: { table: Table; slots: Slots; recent: RecentItems }): Lanes {
  const batcher = createKeyedBatcher<Call, Answer>({
    maxInFlight: 1,
    run: (pk, calls) => withSession(resources, pk, (session) => answerAll(session, calls)),
  });

  return {
    async add(pk, call) {
      const answer = await batcher.add(pk, call, call.deadlineMs);
      if ("error" in answer) throw answer.error;
      return answer.value;
    },
  };
}

/** Answers the calls in order, decisions for the same time together. What fails leaves the other answers as they are. */
async function answerAll(session: Session, calls: readonly Call[]): Promise<Answer[]> {
  const answers = new Map<Call, Answer>();
  for (const run of runsOf(calls)) {
    try {
      if (run[0]?.kind === "decide") {
        await decideCalls(session, run as readonly DecideCall[], (call, answer) => {
          answers.set(call, answer instanceof SluiceError ? { error: answer } : { value: answer });
        });
      } else {
        const [call] = run as readonly [UpdateCall | DeleteCall];
        answers.set(call, { value: await answerOne(session, call) });
      }
    } catch (error) {
      for (const call of run) if (!answers.has(call)) answers.set(call, { error });
    }
  }
  return calls.map((call) => answers.get(call) as Answer);
}

async function answerOne(session: Session, call: UpdateCall | DeleteCall): Promise<unknown> {
  return call.kind === "update" ? updateEntry(session, call) : deleteEntry(session, call);
}

/** Neighbouring decisions with the same time; every other call alone. */
function runsOf(calls: readonly Call[]): readonly (readonly Call[])[] {
  const runs: Call[][] = [];
  for (const call of calls) {
    const run = runs.at(-1);
    const [first] = run ?? [];
    if (call.kind === "decide" && first?.kind === "decide" && first.nowMs === call.nowMs) run?.push(call);
    else runs.push([call]);
  }
  return runs;
}
