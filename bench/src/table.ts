import type { Report } from "./report.js";

/** Formats a report as text for a terminal. */
export function tableOf({ suite, environment, rows, ratios }: Report): string {
  const { node, cpu, cores, coresAwake, freshProcesses, loadAverage, rounds } = environment;
  const load = `load average ${loadAverage.start} at the start, ${loadAverage.end} at the end`;
  return [
    `${suite}: Node.js ${node}, ${cpu}, ${cores} cores ${coresAwake ? "kept awake" : "that may sleep"}, ${load}, ` +
      `${rounds} rounds${freshProcesses ? " with new processes" : ""}`,
    "",
    ...columns([
      ["", "unit", "median", "min", "max"],
      ...rows.map(({ name, unit, median, min, max }) => [name, unit, count(median), count(min), count(max)]),
    ]),
    "",
    ...columns([
      ["median of ratios", "value", "of", "against"],
      ...ratios.map(({ id, value, of, against }) => [id, value.toFixed(2), of, against]),
    ]),
    "",
  ].join("\n");
}

function count(value: number): string {
  const maximumFractionDigits = value < 1_000 ? 1 : 0;
  return value.toLocaleString("en-US", { maximumFractionDigits, minimumFractionDigits: maximumFractionDigits });
}

/** Aligns numbers on the right. */
function columns(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines.map((line) =>
    line
      .map((text, i) => (isNumber(lines[1]?.[i]) ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^[\d.,]+$/.test(text);
}
