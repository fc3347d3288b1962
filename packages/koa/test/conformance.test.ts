import { adapterSuite } from "@sluice/testkit";
import koa3 from "koa";
import koa2 from "koa2";
import { afterAll, beforeAll, describe, it } from "vitest";
import { adapterOn } from "./serve.js";

describe("Koa 3", () => {
  adapterSuite({ describe, it, beforeAll, afterAll }, adapterOn(koa3));
});

describe("Koa 2", () => {
  adapterSuite({ describe, it, beforeAll, afterAll }, adapterOn(koa2 as unknown as typeof koa3));
});
