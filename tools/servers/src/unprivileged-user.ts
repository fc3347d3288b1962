import { chown, readFile } from "node:fs/promises";

/** Returns the user for a server that refuses to run as root: `nobody` if this process is root. */
export async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((one) => one.startsWith("nobody:"));
  const [, , uid = "65534", gid = "65534"] = line?.split(":") ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/** Gives files to that user. */
export async function giveTo(user: { uid: number; gid: number } | undefined, ...files: string[]): Promise<void> {
  if (user === undefined) return;
  for (const file of files) await chown(file, user.uid, user.gid);
}
