import {
  clientKey,
  compositeKey,
  escalatingBlock,
  fixedWindow,
  rateLimit,
  type Store,
  slidingLog,
  tokenBucket,
  withoutPort,
} from "@sluice/express";
import express, { type Express, type Request } from "express";

/** Real apps store password hashes, and compare them in constant time. */
const PASSWORDS: ReadonlyMap<string, string> = new Map([["ada", "lovelace"]]);

/** The account that a request names, whether or not it exists. */
const accountOf = (req: Request): string => String(req.body?.account ?? "").toLowerCase();

/**
 * Limits reads generously and logins strictly. Logins are limited by account and address together, and by address
 * alone.
 */
export function createApp(store: Store): Express {
  const reads = rateLimit(store, tokenBucket({ name: "reads", rate: 20, burst: 100 }));
  const logins = rateLimit(
    store,
    [
      slidingLog({ name: "guesses", limit: 5, window: "1m" }),
      fixedWindow({ name: "address", limit: 50, window: "1d" }),
    ],
    {
      key: (req) => {
        const address = clientKey(withoutPort(req.ip));
        return { guesses: compositeKey(accountOf(req), address), address };
      },
      // A login with the right password is refunded.
      refundWhen: ({ status }) => status < 400,
      // Blocks clients that keep guessing after a denial: for 10 seconds, then 20, up to 5 minutes.
      autoBlock: escalatingBlock({
        after: 10,
        within: "1m",
        duration: "10s",
        maxDuration: "5m",
        policies: ["guesses"],
      }),
    },
  );

  const app = express();
  app.get("/articles", reads, (_req, res) => {
    res.json(["On sluices", "On weirs"]);
  });
  // The body is read before the limit, since the key contains the account. So its size is limited.
  app.post("/login", express.json({ limit: "1kb" }), logins, (req, res) => {
    const password = PASSWORDS.get(accountOf(req));
    const isRight = password !== undefined && password === req.body?.password;
    res.status(isRight ? 200 : 401).json({ welcome: isRight });
  });
  return app;
}
