import fc from "fast-check";

/** The most inputs per property. Broken code fails on an early input, and working code would take minutes for more. */
const MAX_RUNS = 1_000;

// Each run uses the same inputs, so that it can be repeated. The smallest failing input is not needed.
fc.configureGlobal({ seed: 20_260_101, endOnFailure: true });

function assert<T>(property: fc.IRawProperty<T>, parameters: fc.Parameters<T> = {}): Promise<void> | void {
  const { numRuns = 100 } = parameters;
  return fc.assert(property, { ...parameters, numRuns: Math.min(numRuns, MAX_RUNS) });
}

/** fast-check with these limits, for tests of broken code. */
export default { ...fc, assert };
