import { guardSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { guardsOnNode } from "./serve.js";

guardSuite({ describe, it, beforeAll, afterAll }, guardsOnNode());
