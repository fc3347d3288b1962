import { guardSuite } from "@sluice/testkit";
import express5 from "express";
import express4 from "express4";
import { afterAll, beforeAll, describe, it } from "vitest";
import { guardsOn } from "./guarded.js";

describe("Express 5", () => {
  guardSuite({ describe, it, beforeAll, afterAll }, guardsOn(express5));
});

describe("Express 4", () => {
  guardSuite({ describe, it, beforeAll, afterAll }, guardsOn(express4 as unknown as typeof express5));
});
