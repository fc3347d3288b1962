import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@sluice/storage";
import { openSqlite } from "@sluice/store-sqlite";
import { expect, it, onTestFinished } from "vitest";
import { chargedOnce, type Fault, failures, type Summary, underFault } from "./traffic.js";

/** Enough for the write-ahead log, which SQLite lets grow to 4 MB. */
const DISK_KB = 16_384;

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-faults-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function broken(file: string, fault: Omit<Fault, "store" | "prefix">): Promise<Summary> {
  const store = await openStore(`sqlite:${file}`, { createSchema: true });
  onTestFinished(() => store.close());
  return underFault({ store, prefix: "faults", ...fault });
}

it("recovers after another process held the file's lock", async () => {
  const file = join(newFolder(), "limits.db");
  let other: Awaited<ReturnType<typeof openSqlite>> | undefined;
  onTestFinished(() => other?.close());
  const summary = await broken(file, {
    begin: async () => {
      other = await openSqlite(file);
      other.exec("BEGIN IMMEDIATE");
    },
    end: () => {
      other?.exec("ROLLBACK");
    },
    after: chargedOnce,
  });
  expect(failures(summary)).toBeGreaterThan(0);
});

it("uses the new file after the old one was deleted", async () => {
  const file = join(newFolder(), "limits.db");
  await broken(file, {
    begin: (traffic) =>
      traffic.losingState(async () => {
        for (const ending of ["", "-wal", "-shm"]) rmSync(file + ending, { force: true });
        const another = await openStore(`sqlite:${file}`, { createSchema: true });
        // The store checks its file once a second.
        await traffic.during(1_500);
        await another.close();
      }),
    lastsMs: 0,
  });
});

/** Mounts a file system of this size. `undefined` if this user may not mount one. */
function smallDisk(kilobytes: number): string | undefined {
  const folder = newFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", ["--lazy", folder]);
  });
  return folder;
}

it("charges again when the disk is no longer full", async ({ skip }) => {
  const disk = smallDisk(DISK_KB);
  if (disk === undefined) skip("only root may mount a small disk");
  const filler = join(disk as string, "filler");
  const summary = await broken(join(disk as string, "limits.db"), {
    begin: () => {
      let bytes = DISK_KB * 1_024;
      for (; bytes >= 1_024; bytes >>= 1) {
        try {
          writeFileSync(filler, Buffer.alloc(bytes), { flag: "a" });
        } catch {
          // As much as there was room for has been written.
        }
      }
    },
    end: () => rmSync(filler),
    after: chargedOnce,
  });
  expect(failures(summary)).toBeGreaterThan(0);
});
