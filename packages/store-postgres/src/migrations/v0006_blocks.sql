-- The second number is the length of the block if the first number equals `blocked_until_ms`, which shows that it is the
-- same block. The functions of version 3 write only `blocked_until_ms`.

ALTER TABLE "sluice"."entries" ADD COLUMN IF NOT EXISTS block bigint[];
