// The order of the pages. The build fails if a page is missing here.

/** @typedef {{ text: string; link: string }} Page */

/** @type {{ text: string; collapsed?: boolean; items: Page[] }[]} */
export const sidebar = [
  {
    text: "Start",
    items: [
      { text: "Getting started", link: "/getting-started" },
      { text: "Which store", link: "/stores" },
      { text: "Which limits", link: "/limits" },
      { text: "Keys and proxies", link: "/proxies" },
      { text: "Other frameworks", link: "/frameworks" },
      { text: "Production checklist", link: "/production" },
      { text: "Troubleshooting", link: "/troubleshooting" },
    ],
  },
  {
    text: "Guides",
    items: [
      { text: "HTTP", link: "/http" },
      { text: "Algorithms", link: "/algorithms" },
      { text: "Several limits, plans, costs", link: "/several-limits" },
      { text: "When the store fails", link: "/failure" },
      { text: "Other protections", link: "/protections" },
      { text: "Without HTTP", link: "/without-http" },
      { text: "Testing", link: "/testing" },
      { text: "Logging and metrics", link: "/observability" },
      { text: "Health probes", link: "/health" },
      { text: "The edge", link: "/edge" },
    ],
  },
  {
    text: "Stores",
    items: [
      { text: "Memory", link: "/packages/store-memory" },
      { text: "SQLite", link: "/sqlite" },
      { text: "Redis", link: "/redis" },
      { text: "Postgres", link: "/postgres" },
      { text: "DynamoDB", link: "/dynamodb" },
      { text: "Several stores as one", link: "/sharding" },
      { text: "A store by its URL", link: "/storage" },
      { text: "Move to another store", link: "/moving" },
    ],
  },
  {
    text: "Moving in",
    collapsed: true,
    items: [
      { text: "Overview", link: "/moving-in/" },
      { text: "express-rate-limit", link: "/moving-in/express-rate-limit" },
      { text: "express-slow-down", link: "/moving-in/express-slow-down" },
      { text: "rate-limiter-flexible", link: "/moving-in/rate-limiter-flexible" },
      { text: "koa-ratelimit", link: "/moving-in/koa-ratelimit" },
      { text: "hono-rate-limiter", link: "/moving-in/hono-rate-limiter" },
      { text: "@upstash/ratelimit", link: "/moving-in/upstash-ratelimit" },
      { text: "bottleneck", link: "/moving-in/bottleneck" },
    ],
  },
  {
    text: "Packages",
    collapsed: true,
    items: [
      { text: "@sluice/express", link: "/packages/express" },
      { text: "@sluice/koa", link: "/packages/koa" },
      { text: "@sluice/hono", link: "/packages/hono" },
      { text: "@sluice/core", link: "/packages/core" },
      { text: "@sluice/protections", link: "/packages/protections" },
      { text: "@sluice/store-sqlite", link: "/packages/store-sqlite" },
      { text: "@sluice/store-redis", link: "/packages/store-redis" },
      { text: "@sluice/store-postgres", link: "/packages/store-postgres" },
      { text: "@sluice/store-dynamodb", link: "/packages/store-dynamodb" },
      { text: "@sluice/store-sharded", link: "/packages/store-sharded" },
      { text: "@sluice/storage", link: "/packages/storage" },
      { text: "sluice (command line)", link: "/packages/sluice" },
      { text: "@sluice/testkit", link: "/packages/testkit" },
    ],
  },
  {
    text: "Write your own",
    collapsed: true,
    items: [
      { text: "A store", link: "/write-a-store" },
      { text: "An adapter", link: "/write-an-adapter" },
      { text: "An algorithm", link: "/write-an-algorithm" },
      { text: "A check", link: "/write-a-check" },
    ],
  },
  {
    text: "Reference",
    items: [
      { text: "API", link: "/api/" },
      { text: "Error codes", link: "/errors/" },
      { text: "Architecture", link: "/architecture" },
      { text: "Glossary", link: "/glossary" },
      { text: "Benchmarks", link: "/benchmarks" },
      { text: "Quality", link: "/quality" },
      { text: "Decisions", link: "/decisions/" },
      { text: "Changelog", link: "/changelog" },
      { text: "Versions and support", link: "/versioning" },
      { text: "Contributing", link: "/contributing" },
    ],
  },
];
