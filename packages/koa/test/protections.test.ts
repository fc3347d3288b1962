import { guardSuite } from "@sluice/testkit";
import koa3 from "koa";
import koa2 from "koa2";
import { afterAll, beforeAll, describe, it } from "vitest";
import { guardsOn } from "./guarded.js";

describe("Koa 3", () => {
  guardSuite({ describe, it, beforeAll, afterAll }, guardsOn(koa3));
});

describe("Koa 2", () => {
  guardSuite({ describe, it, beforeAll, afterAll }, guardsOn(koa2 as unknown as typeof koa3));
});
