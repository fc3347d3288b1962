/** Sends requests from a process of its own, as fast as they are answered. */
export interface Load {
  /** Requests a second. Rejects when an answer was no success. */
  run(url: string, durationMs: number): Promise<number>;
  stop(): Promise<void>;
}

export interface LoadGenerator {
  readonly name: string;
  /** Undefined when it is not installed. */
  version(): Promise<string | undefined>;
  start(): Promise<Load>;
}

/** As many connections as keep one app busy. */
export const CONNECTIONS = 32;
