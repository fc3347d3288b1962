// Runs `turbo` with telemetry off and the pinned pnpm on the PATH.
import { ensurePnpm } from "./lib/pnpm.mjs";
import { become } from "./lib/process.mjs";

ensurePnpm();
become("turbo", process.argv.slice(2));
