/** The folder in `apps` of each demo, by the name that `npm run demo` takes. */
export const demos = new Map([
  ["memory", "express-memory"],
  ["koa", "koa-memory"],
  ["hono", "hono-node"],
  ["worker", "hono-worker"],
  ["redis", "express-redis"],
  ["postgres", "express-postgres"],
  ["dynamodb", "express-dynamodb"],
  ["protections", "express-protections"],
  ["logins", "express-logins"],
  ["plans", "express-plans"],
]);
