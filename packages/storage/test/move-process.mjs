// Moves from Redis to Postgres, and prints the number of imported entries until it is killed.
import { moveState } from "@sluice/storage";
import { postgresStore } from "@sluice/store-postgres";
import { redisStore } from "@sluice/store-redis";
import { Redis } from "ioredis";
import pg from "pg";

const [port, url] = process.argv.slice(2);
const redis = new Redis(Number(port), { keyPrefix: "a:" });
const pool = new pg.Pool({ connectionString: url });
await moveState(redisStore({ client: redis }), postgresStore({ client: pool }), {
  onProgress: ({ read }) => console.log(read),
});
redis.disconnect();
await pool.end();
