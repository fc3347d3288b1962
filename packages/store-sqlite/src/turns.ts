import { MessageChannel, type MessagePort } from "node:worker_threads";

/*
 * Fake timers of a test suite replace `setTimeout`, `setImmediate`, `process.nextTick` and `queueMicrotask`, and may never
 * run the callbacks. They replace neither messages nor `AbortSignal.timeout`. But both of these let a process end, so a
 * port keeps it alive while a caller waits.
 */

/**
 * Node.js reads a port until it is empty, and reads all ports in one go. Messages alternate between two ports, so that a
 * turn that requests the next turn never gets it before everything else that is due.
 */
const turns = createChannel(endTurn);
const relay = createChannel(() => turns.sender.postMessage(undefined));
let due: (() => void)[] = [];
let waits = 0;

function createChannel(receive: () => void): { readonly receiver: MessagePort; readonly sender: MessagePort } {
  const { port1: receiver, port2: sender } = new MessageChannel();
  receiver.on("message", receive);
  receiver.unref();
  return { receiver, sender };
}

function endTurn(): void {
  const ended = due;
  due = [];
  for (const resolve of ended) resolve();
}

/** Keeps the process alive until the promise is settled. */
async function keptAlive(work: Promise<void>): Promise<void> {
  if (waits++ === 0) turns.receiver.ref();
  await work;
  if (--waits === 0) turns.receiver.unref();
}

/** Resolves after everything else that is due has had its turn. */
export function nextTurn(): Promise<void> {
  return keptAlive(
    new Promise((resolve) => {
      if (due.push(resolve) === 1) relay.sender.postMessage(undefined);
    }),
  );
}

function sleep(ms: number): Promise<void> {
  return keptAlive(
    new Promise((resolve) => {
      AbortSignal.timeout(ms).addEventListener("abort", () => resolve(), { once: true });
    }),
  );
}

/** Most locks are held for less than a millisecond, so the first retries run in consecutive turns of the event loop. */
const TURNS = 2;

/** Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015), 8 ms at most. */
export function pause(tries: number): Promise<void> {
  return tries < TURNS ? nextTurn() : sleep(Math.ceil(Math.random() * Math.min(8, 2 ** (tries - TURNS))));
}
