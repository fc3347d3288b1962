import { getConnInfo } from "@hono/node-server/conninfo";
import { guardSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { guardsOn } from "./guarded.js";
import { listenOnNode } from "./serve.js";

guardSuite({ describe, it, beforeAll, afterAll }, guardsOn(getConnInfo, listenOnNode()));
