import { startDynamodb } from "@sluice/servers";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Starts the server that the test files share, since Java takes seconds to start. */
    dynamodb: { readonly url: string; readonly port: number };
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const { url, port, stop } = await startDynamodb();
  project.provide("dynamodb", { url, port });
  return stop;
}
