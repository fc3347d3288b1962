import type { Environment } from "./environment.js";
import { type Measurements, rowNamesOf } from "./rounds.js";
import type { Case, RatioOf, RowName } from "./suite.js";

/** The measurements of a row in short. */
export interface Row extends RowName {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The median of one row's measurements, each divided by that of another row in the same round. */
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
  if (values.length === 0) throw new Error("nothing has no median");
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
 * The ratios whose rows were measured. A machine that is slow for a while is slow for both measurements of a round, so each
 * is compared with its neighbour, and of these comparisons the median counts. Of several rivals the fastest counts.
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
    // Without one of the rivals the fastest is unknown.
    if (row === undefined || first === undefined || others.length < against.length) return [];
    const fastest = rest.reduce((best, other) => (other.median > best.median ? other : best), first);
    const theirs = measurements.get(fastest.id) ?? [];
    const quotients = (measurements.get(of) ?? []).map((value, i) => value / (theirs[i] as number));
    return [{ id, value: median(quotients), of, against: fastest.id }];
  });
}
