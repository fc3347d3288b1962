/** The five-character code of an error that the server reported. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, errno, severity } = (error ?? {}) as { code?: unknown; errno?: unknown; severity?: unknown };
  if (typeof severity !== "string") return undefined;
  // Bun has the server's code in `errno`.
  return [errno, code].find((value): value is string => typeof value === "string" && /^[0-9A-Z]{5}$/.test(value));
}

/** Whether the connection ends with this error: it is not the server's, or the server's last word on it. */
export function endsConnection(error: unknown): boolean {
  // connection_exception, admin_shutdown and its like, time-outs of a session
  return /^(08|57P|25P0[34])/.test(sqlStateOf(error) ?? "08");
}

/** Whether the server can't write, as a standby or an old primary: a new connection may reach the new primary. */
export function isReadOnly(error: unknown): boolean {
  // read_only_sql_transaction; a table that is not durable can't be read on a standby (feature_not_supported)
  return ["25006", "0A000"].includes(sqlStateOf(error) ?? "");
}
