// Opens the store in the other processes of the conformance suite, on the given ports.
import { redisStore } from "@sluice/store-redis";
import { Cluster, Redis } from "ioredis";

/** @param {string} setting a port, or the ports of a cluster with commas */
export function makeStore(setting) {
  const ports = setting.split(",").map(Number);
  const client =
    ports.length === 1 ? new Redis(ports[0]) : new Cluster(ports.map((port) => ({ host: "127.0.0.1", port })));
  return redisStore({ client });
}
