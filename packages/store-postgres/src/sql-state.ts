/** The five-character code of an error that the server reported. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === "string" && typeof severity === "string" ? code : undefined;
}

/** Whether the connection ends with this error: it is not the server's, or the server's last word on it. */
export function endsConnection(error: unknown): boolean {
  // connection_exception, admin_shutdown and its like, time-outs of a session
  return /^(08|57P|25P0[34])/.test(sqlStateOf(error) ?? "08");
}
