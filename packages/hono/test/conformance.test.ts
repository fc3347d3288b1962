import { adapterSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { adapterOnNode } from "./serve.js";

describe("Hono on Node.js", () => {
  adapterSuite({ describe, it, beforeAll, afterAll }, adapterOnNode());
});
