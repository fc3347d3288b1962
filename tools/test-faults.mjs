// Runs `npm run test:faults`: all fault tests, including those that take minutes. Other arguments go to Vitest.
import { become } from "./lib/process.mjs";

process.env.SLUICE_SLOW = "1";
become("vitest", ["run", "--project", "faults", ...process.argv.slice(2)]);
