import { loadGenerator } from "../load/load.js";
import type { Suite } from "../suite.js";
import * as express from "./http-express.js";
import * as hono from "./http-hono.js";
import * as koa from "./http-koa.js";

/** The apps of each framework are in a separate module. */
const frameworks = [express, koa, hono];

export const http: Suite = {
  name: "http",
  rounds: 6,
  freshProcesses: true,
  durationMs: 2_000,
  packages: frameworks.flatMap(({ packages }) => packages),
  cases: frameworks.flatMap(({ cases }) => cases),
  ratios: frameworks.flatMap(({ ratios }) => ratios),
  async setUp() {
    const { name, version } = await loadGenerator();
    return { context: { load: name }, versions: { [name]: version } };
  },
};
