// What `npm run test:faults` runs: all fault tests, those that take minutes too. Other arguments go to Vitest.
import { become } from "./lib/process.mjs";

process.env.SLUICE_SLOW = "1";
become("vitest", ["run", "--project", "faults", ...process.argv.slice(2)]);
