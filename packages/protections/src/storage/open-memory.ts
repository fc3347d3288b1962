import { loaded } from "./loaded.js";
import type { Opened } from "./opened.js";
import { malformed, type Setting } from "./setting.js";

const NAME = "@sluice/store-memory";

export async function openMemory(setting: Setting): Promise<Opened> {
  if (setting.text.toLowerCase() !== "memory:") throw malformed(setting, "has something after the colon");
  const { memoryStore } = await loaded<typeof import("@sluice/store-memory")>(NAME, NAME);
  return { store: memoryStore() };
}
