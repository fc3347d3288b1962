import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { watchErrors } from "../../../src/store/index.js";

it("keeps the last error of each event, with one listener for all stores on a client", () => {
  const client = new EventEmitter();
  const errors = watchErrors(client, ["error", "node-error"]);
  expect(watchErrors(client, ["error", "node-error"])).toBe(errors);
  expect(client.listenerCount("error")).toBe(1);
  const [first, second] = [new Error("first"), new Error("second")];
  client.emit("error", first);
  expect(errors.last).toBe(first);
  client.emit("node-error", { error: second });
  expect(errors.last).toBe(second);
});

it("accepts a client without events", () => {
  expect(watchErrors({}, ["error"]).last).toBeUndefined();
});
