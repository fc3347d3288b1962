import { adapterSuite } from "@sluice/testkit";
import express5 from "express";
import express4 from "express4";
import { afterAll, beforeAll, describe, it } from "vitest";
import { adapterOn } from "./serve.js";

describe("Express 5", () => {
  adapterSuite({ describe, it, beforeAll, afterAll }, adapterOn(express5));
});

describe("Express 4", () => {
  adapterSuite({ describe, it, beforeAll, afterAll }, adapterOn(express4 as unknown as typeof express5));
});
