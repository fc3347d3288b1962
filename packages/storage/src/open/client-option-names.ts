import type { DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import type { ClusterOptions, RedisOptions } from "ioredis";
import type { PoolConfig } from "pg";

/*
 * The names of the clients' options, so that misspelt options are rejected. The list does not compile if it lacks an option
 * of the installed versions.
 */

/** Options of the packages that open SQLite files. Each has some of them. */
export interface SqliteOptions {
  /** `node:sqlite` */
  allowExtension?: boolean | undefined;
  /** `node:sqlite` */
  defensive?: boolean | undefined;
  /** `node:sqlite` */
  enableDoubleQuotedStringLiterals?: boolean | undefined;
  /** `node:sqlite` */
  enableForeignKeyConstraints?: boolean | undefined;
  /** `libsql` */
  encryptionCipher?: string | undefined;
  /** `libsql` */
  encryptionKey?: string | undefined;
  /** `better-sqlite3` */
  nativeBinding?: string | undefined;
  /** `better-sqlite3` and `libsql`: called with each statement. */
  verbose?: ((message?: unknown, ...more: unknown[]) => void) | undefined;
}

type Names<Options> = Readonly<Record<keyof Options, true>>;

/** Options of ioredis that apply to a whole cluster, if there is one. */
const OF_CLUSTER: Names<ClusterOptions> = {
  autoPipeliningIgnoredCommands: true,
  clusterNodeRetryStrategy: true,
  clusterRetryStrategy: true,
  dnsLookup: true,
  enableAutoPipelining: true,
  enableOfflineQueue: true,
  enableReadyCheck: true,
  maxRedirections: true,
  natMap: true,
  redisOptions: true,
  resolveSrv: true,
  retryDelayOnClusterDown: true,
  retryDelayOnFailover: true,
  retryDelayOnMoved: true,
  retryDelayOnTryAgain: true,
  scaleReads: true,
  himportFieldsets: true,
  keyPrefix: true,
  lazyConnect: true,
  showFriendlyErrorStack: true,
  scripts: true,
  shardedSubscribers: true,
  slotsRefreshInterval: true,
  slotsRefreshTimeout: true,
  useSRVRecords: true,
};

const OF_REDIS: Names<Omit<RedisOptions, keyof ClusterOptions>> = {
  autoResendUnfulfilledCommands: true,
  autoResubscribe: true,
  blockingTimeout: true,
  blockingTimeoutGrace: true,
  clientInfoTag: true,
  commandQueue: true,
  commandTimeout: true,
  connectionName: true,
  Connector: true,
  connectTimeout: true,
  db: true,
  disableClientInfo: true,
  disconnectTimeout: true,
  enableTLSForSentinelMode: true,
  failoverDetector: true,
  family: true,
  host: true,
  keepAlive: true,
  maxLoadingRetryTime: true,
  maxRetriesPerRequest: true,
  monitor: true,
  name: true,
  noDelay: true,
  offlineQueue: true,
  password: true,
  path: true,
  port: true,
  preferredSlaves: true,
  protocol: true,
  readOnly: true,
  reconnectOnError: true,
  replyMapping: true,
  retryStrategy: true,
  role: true,
  sentinelCommandTimeout: true,
  sentinelMaxConnections: true,
  sentinelPassword: true,
  sentinelReconnectStrategy: true,
  sentinelRetryStrategy: true,
  sentinels: true,
  sentinelTLS: true,
  sentinelUsername: true,
  socketTimeout: true,
  stringNumbers: true,
  tls: true,
  updateSentinels: true,
  username: true,
};

const OF_POOL: Names<PoolConfig> = {
  allowExitOnIdle: true,
  application_name: true,
  Client: true,
  client_encoding: true,
  connectionString: true,
  connectionTimeoutMillis: true,
  database: true,
  enableChannelBinding: true,
  fallback_application_name: true,
  host: true,
  idle_in_transaction_session_timeout: true,
  idleTimeoutMillis: true,
  keepAlive: true,
  keepAliveInitialDelayMillis: true,
  lock_timeout: true,
  log: true,
  max: true,
  maxLifetimeSeconds: true,
  maxUses: true,
  min: true,
  onConnect: true,
  options: true,
  password: true,
  pipeline: true,
  port: true,
  Promise: true,
  query_timeout: true,
  ssl: true,
  sslnegotiation: true,
  statement_timeout: true,
  stream: true,
  types: true,
  user: true,
  verify: true,
};

const OF_DYNAMODB: Names<DynamoDBClientConfig> = {
  accountId: true,
  accountIdEndpointMode: true,
  apiVersion: true,
  authSchemePreference: true,
  base64Decoder: true,
  base64Encoder: true,
  bodyLengthChecker: true,
  cacheMiddleware: true,
  credentialDefaultProvider: true,
  credentials: true,
  customUserAgent: true,
  defaultsMode: true,
  defaultUserAgentProvider: true,
  disableClockSkewCorrection: true,
  disableHostPrefix: true,
  endpoint: true,
  endpointCacheSize: true,
  endpointDiscoveryEnabled: true,
  endpointDiscoveryEnabledProvider: true,
  endpointProvider: true,
  extensions: true,
  httpAuthSchemeProvider: true,
  httpAuthSchemes: true,
  ignoreConfiguredEndpointUrls: true,
  logger: true,
  maxAttempts: true,
  profile: true,
  protocol: true,
  protocolSettings: true,
  region: true,
  requestHandler: true,
  retryMode: true,
  retryStrategy: true,
  runtime: true,
  serviceConfiguredEndpoint: true,
  serviceId: true,
  sha256: true,
  signer: true,
  signerConstructor: true,
  signingEscapePath: true,
  signingRegion: true,
  streamCollector: true,
  systemClockOffset: true,
  tls: true,
  urlParser: true,
  useDualstackEndpoint: true,
  useFipsEndpoint: true,
  userAgentAppId: true,
  utf8Decoder: true,
  utf8Encoder: true,
};

const OF_SQLITE: Names<SqliteOptions> = {
  allowExtension: true,
  defensive: true,
  enableDoubleQuotedStringLiterals: true,
  enableForeignKeyConstraints: true,
  encryptionCipher: true,
  encryptionKey: true,
  nativeBinding: true,
  verbose: true,
};

/** Returns whether an option of ioredis applies to a whole cluster. */
export function isOfCluster(name: string): boolean {
  return Object.hasOwn(OF_CLUSTER, name);
}

/** The names of all options of each client. */
export const CLIENT_OPTIONS: Readonly<Record<"redis" | "pg" | "dynamodb" | "sqlite", readonly string[]>> = {
  redis: Object.keys({ ...OF_CLUSTER, ...OF_REDIS }),
  pg: Object.keys(OF_POOL),
  dynamodb: Object.keys(OF_DYNAMODB),
  sqlite: Object.keys(OF_SQLITE),
};
