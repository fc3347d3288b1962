import type { Environment } from "./environment.js";
import { type Measurements, rowNamesOf } from "./rounds.js";
import type { Case, RatioOf, RowName } from "./suite.js";

/** A summary of the measurements of a row. */
export interface Row extends RowName {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Compares two rows: the median of the quotients of their measurements, each pair from the same round. */
export interface Ratio {
  readonly id: string;
  readonly value: number;
  readonly of: string;
  readonly against: string;
}

/** The result of a suite, as `--json` writes it. */
export interface Report {
  readonly suite: string;
  readonly environment: Environment;
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("no median of an empty list");
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] as number;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] as number;
  return (lower + upper) / 2;
}

export function rowsOf(cases: readonly Case[], measurements: Measurements): readonly Row[] {
  return cases.flatMap(rowNamesOf).map(({ id, name, unit }) => {
    const values = measurements.get(id) ?? [];
    return { id, name, unit, median: median(values), min: Math.min(...values), max: Math.max(...values) };
  });
}

/**
 * Returns the ratios whose rows were measured. A machine that is slow for a while slows both measurements of a round.
 * So each measurement is divided by the one from the same round, and the ratio is the median of the quotients. If there
 * are several rivals, the fastest is used.
 */
export function ratiosOf(
  ratios: readonly RatioOf[],
  rows: readonly Row[],
  measurements: Measurements,
): readonly Ratio[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ratios.flatMap(({ id, of, against }) => {
    const row = byId.get(of);
    const others = against.flatMap((other) => byId.get(other) ?? []);
    const [first, ...rest] = others;
    // Unless all rivals were measured, the fastest is unknown.
    if (row === undefined || first === undefined || others.length < against.length) return [];
    const fastest = rest.reduce((best, other) => (other.median > best.median ? other : best), first);
    const theirs = measurements.get(fastest.id) ?? [];
    const quotients = (measurements.get(of) ?? []).map((value, i) => value / (theirs[i] as number));
    return [{ id, value: median(quotients), of, against: fastest.id }];
  });
}
