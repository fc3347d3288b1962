import fc from "fast-check";

/** Of more inputs than these, broken code fails on one of the first; and working code would take minutes with all. */
const MAX_RUNS = 1_000;

// The same input in each run, so that a run can be repeated. Broken code need not find its smallest failing input.
fc.configureGlobal({ seed: 20_260_101, endOnFailure: true });

function assert<T>(property: fc.IRawProperty<T>, parameters: fc.Parameters<T> = {}): Promise<void> | void {
  const { numRuns = 100 } = parameters;
  return fc.assert(property, { ...parameters, numRuns: Math.min(numRuns, MAX_RUNS) });
}

/** fast-check for tests of broken code. */
export default { ...fc, assert };
