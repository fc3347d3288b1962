// Generates the results of the benchmarks: tables in bench/README.md and charts in docs/images, from the reports in
// bench/results.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const page = "bench/README.md";
const start = "<!-- results: written by `npm run generate` from bench/results -->\n";
const end = "<!-- end of results -->\n";

/** @typedef {{ id: string; name: string; unit: string; median: number }} Row */
/** @typedef {{ date: string; node: string; cpu: string; cores: number; rounds: number; loadAverage: { start: number }; versions: Record<string, string> }} Environment */
/** @typedef {{ suite: string; environment: Environment; rows: Row[]; ratios: { id: string; value: number }[] }} Report */
/** @typedef {{ suite: string; heading: string; chart: string; rows: string[] }} Section */

/** The suites in their order, each with the rows of its chart. @type {readonly Section[]} */
const sections = [
  {
    suite: "memory",
    heading: "In memory, one caller",
    chart: "decisions a second in memory, one caller",
    rows: [
      "memory.sluice.sync",
      "memory.sluice",
      "memory.sluice.window",
      "memory.rate-limiter-flexible.bare",
      "memory.rate-limiter-flexible",
      "memory.express-rate-limit",
    ],
  },
  {
    suite: "redis",
    heading: "Redis, 64 callers",
    chart: "decisions a second on Redis, 64 callers",
    rows: [
      "redis.sluice.hot",
      "redis.sluice",
      "redis.sluice.node-redis",
      "redis.get",
      "redis.rate-limiter-flexible",
      "redis.express-rate-limit",
      "redis.rate-limiter-flexible.node-redis",
    ],
  },
  {
    suite: "postgres",
    heading: "Postgres, 64 callers",
    chart: "decisions a second on Postgres, 64 callers",
    rows: [
      "postgres.sluice.hot",
      "postgres.sluice",
      "postgres.sluice.postgres",
      "postgres.sluice.durable",
      "postgres.select",
      "postgres.rate-limiter-flexible",
      "postgres.express-rate-limit",
    ],
  },
  {
    suite: "sqlite",
    heading: "SQLite, 64 callers",
    chart: "decisions a second on SQLite, 64 callers",
    rows: [
      "sqlite.sluice.hot",
      "sqlite.sluice",
      "sqlite.sluice.durable",
      "sqlite.rate-limiter-flexible",
      "sqlite.rate-limiter-flexible.durable",
    ],
  },
  {
    suite: "dynamodb",
    heading: "DynamoDB Local",
    chart: "requests to DynamoDB for 1,000 decisions: fewer are better",
    rows: [
      "dynamodb.sluice.requests",
      "dynamodb.sluice.denied.requests",
      "dynamodb.sluice.hot.requests",
      "dynamodb.rate-limiter-flexible.requests",
      "dynamodb.rate-limiter-flexible.denied.requests",
      "dynamodb.rate-limiter-flexible.hot.requests",
    ],
  },
  {
    suite: "outage",
    heading: "While Redis is down, one caller",
    chart: "decisions a second while Redis is down, one caller",
    rows: [
      "outage.healthy",
      "outage.sluice.open",
      "outage.sluice.closed",
      "outage.sluice.fallback",
      "outage.rate-limiter-flexible",
    ],
  },
  {
    suite: "http",
    heading: "HTTP, 32 connections, in memory",
    chart: "requests a second, 32 connections, limits in memory",
    rows: [
      "http.express.two-fields",
      "http.express.sluice",
      "http.express.express-rate-limit",
      "http.koa.two-fields",
      "http.koa.sluice",
      "http.koa.koa-ratelimit",
      "http.hono.two-fields",
      "http.hono.sluice",
      "http.hono.hono-rate-limiter",
    ],
  },
];

/**
 * Returns the README of the benchmarks with the results of all reports, and a chart of each.
 * @param {string} root
 * @returns {[file: string, text: string][]} empty if there is no README or no report
 */
export function benchmarkResults(root) {
  if (!existsSync(join(root, page))) return [];
  const text = readFileSync(join(root, page), "utf8");
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`${page} must have the lines ${start.trim()} and ${end.trim()}`);
  const found = sections.flatMap((section) => {
    const file = join(root, "bench/results", `${section.suite}.json`);
    if (!existsSync(file)) return [];
    const report = /** @type {Report} */ (JSON.parse(readFileSync(file, "utf8")));
    return [{ section, report, image: `docs/images/bench-${section.suite}.svg` }];
  });
  if (found.length === 0) return [];
  const tables = found.map(({ section, report, image }) => tableOf(section, report, `../${image}`));
  return [
    [page, `${text.slice(0, from)}${start}\n${tables.join("\n")}\n${text.slice(to)}`],
    ...found.map(({ section, report, image }) => /** @type {[string, string]} */ ([image, chartOf(section, report)])),
  ];
}

/**
 * @param {Section} section
 * @param {Report} report
 * @param {string} image
 */
function tableOf({ heading, chart }, { environment, rows, ratios }, image) {
  const { date, node, cpu, cores, rounds, loadAverage, versions } = environment;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `### ${heading}`,
    "",
    `![Chart: ${chart}](${image})`,
    "",
    "| row | name | unit | median |",
    "|---|---|---|---|",
    ...rows.map(({ id, name, unit, median }) => `| \`${id}\` | ${name} | ${unit} | ${count(median)} |`),
    "",
    ...(ratios.length === 0
      ? []
      : [
          "| ratio | value |",
          "|---|---|",
          ...ratios.map(({ id, value }) => `| \`${id}\` | ${value.toFixed(2)} |`),
          "",
        ]),
    `Measured on ${date.slice(0, 10)} in ${rounds} rounds, with Node.js ${node} on ${cores} cores (${cpu}), at a load average of ` +
      `${loadAverage.start} before. ${names.length === 0 ? "" : `Versions: ${names.join(", ")}.`}`.trim(),
    "",
  ].join("\n");
}

/** @param {number} value */
function count(value) {
  const maximumFractionDigits = value < 100 ? 1 : 0;
  return value.toLocaleString("en-US", { maximumFractionDigits });
}

const WIDTH = 800;
const LABEL = 370;
const LINE = 28;
const TOP = 44;

/**
 * Returns a bar chart that follows the reader's colour scheme.
 * @param {Section} section
 * @param {Report} report
 */
function chartOf({ chart, rows: ids }, { rows }) {
  const bars = ids.flatMap((id) => rows.find((row) => row.id === id) ?? []);
  const longest = Math.max(...bars.map(({ median }) => median));
  const height = TOP + LINE * bars.length + 12;
  const lines = bars.map(({ id, name, median }, i) => {
    const y = TOP + LINE * i;
    const width = Math.max(1, Math.round((median / longest) * (WIDTH - LABEL - 90)));
    const kind = id.includes(".sluice") || id === "outage.healthy" ? "ours" : "theirs";
    return [
      `  <text x="${LABEL - 8}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>`,
      `  <rect class="${kind}" x="${LABEL}" y="${y + 2}" width="${width}" height="18" rx="2"/>`,
      `  <text x="${LABEL + width + 6}" y="${y + 15}">${count(median)}</text>`,
    ].join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(chart)}">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 14px }
    .ours { fill: #3451b2 }
    .theirs { fill: #a8b1bd }
    @media (prefers-color-scheme: dark) {
      text { fill: #d8dee6 }
      .ours { fill: #7f9cf5 }
      .theirs { fill: #59636e }
    }
  </style>
  <text class="title" x="12" y="22">${escaped(chart.charAt(0).toUpperCase() + chart.slice(1))}</text>
${lines.join("\n")}
</svg>
`;
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
