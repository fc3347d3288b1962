import { guardSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { guards } from "./guarded.js";

guardSuite({ describe, it, beforeAll, afterAll }, guards);
