import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type StartApp, startApp } from "./raw-client.js";
import type { Running, Runtime } from "./runtime.js";
import { socketTests } from "./socket-tests.js";
import { transcriptTests } from "./transcript-tests.js";

/** Tests that need a client outside of the runtime, which sees every byte and can leave at any time. */
export function wireTests(runtime: Runtime): void {
  describe(runtime.name, () => {
    let running: Running | undefined;
    beforeAll(async () => {
      running = await runtime.start("wire");
    });
    afterAll(() => running?.stop());

    // Concurrent, since they spend most of the time waiting. Every test has a separate app.
    describe.concurrent.each(runtime.adapters)("%s", (adapter) => {
      const start: StartApp = (app) => startApp(running as Running, { adapter, host: "127.0.0.1", ...app });
      describe("sends the same answers as everywhere", () => transcriptTests(runtime, adapter, start));
      describe("on the wire", () => socketTests(start));
    });

    it("caused no error", () => {
      expect(running?.complaints()).toBe("");
    });
  });
}
