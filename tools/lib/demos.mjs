/** The demos: their names for `npm run demo`, and their folders in `apps`. */
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
