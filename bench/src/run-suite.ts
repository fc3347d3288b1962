import { keepCoresAwake } from "./cores.js";
import { versionsOf, watchEnvironment } from "./environment.js";
import type { Options } from "./options.js";
import { type Report, ratiosOf, rowsOf } from "./report.js";
import { measure } from "./rounds.js";
import type { SetUp, Suite } from "./suite.js";

const NOTHING: SetUp = { context: {}, versions: {} };
const QUICK_MS = 50;

/** Sets up a suite, measures it and creates the report. */
export async function runSuite(
  suite: Suite,
  options: Options,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<Report> {
  const { quick, only, profileFolder } = options;
  const cases = suite.cases.filter(({ id }) => only === undefined || id.includes(only));
  if (cases.length === 0) throw new Error(`No case of the suite ${suite.name} has ${JSON.stringify(only)} in its id.`);
  const rounds = options.rounds ?? (quick ? 1 : suite.rounds);
  const durationMs = quick ? QUICK_MS : suite.durationMs;
  const environment = watchEnvironment();
  const { context, versions, stop } = (await suite.setUp?.()) ?? NOTHING;
  const cores = keepCoresAwake();
  try {
    const settings = { quick, durationMs, context };
    const measurements = await measure(suite, { settings, rounds, cases, profileFolder, signal, progress });
    const rows = rowsOf(cases, measurements);
    return {
      suite: suite.name,
      environment: environment({
        versions: { ...versionsOf(suite.packages), ...versions },
        rounds,
        freshProcesses: suite.freshProcesses === true,
        durationMs,
        coresAwake: cores.awake,
        quick,
      }),
      rows,
      ratios: ratiosOf(suite.ratios, rows, measurements),
    };
  } finally {
    cores.release();
    await stop?.();
  }
}
