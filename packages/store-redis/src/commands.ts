/** The commands that the store sends, whichever client sends them. */
export interface Commands {
  evalsha(sha1: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  /** Whether keys are spread over hash slots, so that one script can only reach those of one slot. */
  readonly cluster: boolean;
  /** The address of the master that serves a hash slot now; `undefined` where the client does not know it. */
  masterOf(slot: number): string | undefined;
  /** One for each server that has keys: the current masters of a cluster, otherwise the only one. */
  masters(): Promise<readonly Commands[]>;
}

/** Whether a value has all of these methods. */
export function hasMethods(value: unknown, methods: readonly string[]): boolean {
  const object = value as Readonly<Record<string, unknown>> | null | undefined;
  return methods.every((method) => typeof object?.[method] === "function");
}
