/** The number of requests that were answered, and the time that they took. */
export interface Answered {
  readonly requests: number;
  readonly durationS: number;
}

/** Sends requests from a separate process, each as soon as the one before is answered. */
export interface Load {
  /** Rejects if a response was not successful. */
  run(url: string, durationMs: number): Promise<Answered>;
  stop(): Promise<void>;
}

export interface LoadGenerator {
  readonly name: string;
  /** Undefined if the generator is not installed. */
  version(): Promise<string | undefined>;
  start(): Promise<Load>;
}

/** The number of connections: enough to keep one app busy. */
export const CONNECTIONS = 32;
