/** A mistake in the set-up that shows only in requests. Each has a page of its name under `docs/errors`. */
export type DiagnosticCode = "CLIENT_ADDRESS_UNUSABLE";

/** Tells of each mistake once, on the console. */
export interface Diagnostics {
  warn(code: DiagnosticCode, message: string): void;
}

export function createDiagnostics(): Diagnostics {
  const told = new Set<DiagnosticCode>();
  return {
    warn(code, message) {
      if (told.has(code)) return;
      told.add(code);
      console.warn(`[sluice] ${code}: ${message} See docs/errors/${code}.md`);
    },
  };
}
