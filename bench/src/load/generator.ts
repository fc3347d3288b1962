/** How much was answered. */
export interface Answered {
  readonly requests: number;
  readonly durationS: number;
}

/** Sends requests from a separate process, as fast as they are answered. */
export interface Load {
  /** Rejects if an answer was not a success. */
  run(url: string, durationMs: number): Promise<Answered>;
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
