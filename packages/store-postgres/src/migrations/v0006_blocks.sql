-- A block is as long as its second number says, if it is the same block: its first number is `blocked_until_ms` then. The
-- functions of version 3 write only the latter.

ALTER TABLE "sluice"."entries" ADD COLUMN IF NOT EXISTS block bigint[];
