// Declarations for versions of the clients without types, with only what the tests use.

declare module "redis3" {
  export function createClient(options: object): { end(flush: boolean): void };
}

declare module "ioredis4" {
  interface Client {
    evalsha(sha1: string, numberOfKeys: number, ...args: string[]): Promise<unknown>;
    eval(script: string, numberOfKeys: number, ...args: string[]): Promise<unknown>;
    del(key: string): Promise<unknown>;
    connect(): Promise<unknown>;
    disconnect(): void;
    readonly status: string;
  }
  const Redis: {
    new (port: number): Client;
    readonly Cluster: new (nodes: readonly { host: string; port: number }[]) => Client;
  };
  export default Redis;
}
