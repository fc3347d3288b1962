export { type ShardedStore, type ShardedStoreOptions, shardedStore } from "./sharded-store.js";
