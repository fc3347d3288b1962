import type { OpenedStore } from "./opened-store.js";
import { loaded, type Opened } from "./opener.js";
import { malformed, type StoreUrl } from "./store-url.js";

const NAME = "@sluice/store-memory";

/** A key that is only ever read. */
const HEALTH_KEY = "sluice:health";

export async function openMemory(url: StoreUrl): Promise<Opened> {
  if (url.text.toLowerCase() !== "memory:") throw malformed(url, "must have nothing after the colon");
  const { memoryStore } = await loaded<typeof import("@sluice/store-memory")>(NAME, NAME);
  const memory = memoryStore();
  const store: OpenedStore = Object.assign(memory, {
    /** A memory store answers until it is closed. */
    async healthCheck() {
      await memory.atomicUpdate(HEALTH_KEY, () => undefined);
    },
  });
  return { store };
}
