import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { demoStarter } from "./start.js";

/**
 * Tests for every demo with limits in memory: 10 requests per 10 seconds with any framework.
 *
 * @param command the command that starts the demo, as printed in its messages
 */
export function testMemoryDemo(main: URL, command = "npm run demo"): void {
  const start = demoStarter(main);

  it("lets 10 of 12 requests through, prints what to try, and stops on a signal", async () => {
    const demo = start();
    const [, url = ""] = await demo.untilPrinted(/Listening on (\S+)\n[\s\S]*Ctrl-C/);
    expect(demo.printed.out).toContain(`curl -i ${url}\n`);

    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const response = await fetch(url);
      await response.text();
      statuses.push(response.status);
      expect(response.headers.get("ratelimit-policy")).toBe('"default";q=10;w=10');
    }
    expect(statuses).toEqual([...new Array(10).fill(200), 429, 429]);

    demo.child.kill("SIGTERM");
    expect(await demo.ended).toBe(0);
    expect(demo.printed.err).toBe("");
  });

  it("reports a port that is in use", async () => {
    const other = createServer().listen(0);
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    try {
      const demo = start({ PORT: String(port) });
      expect(await demo.ended).toBe(1);
      expect(demo.printed.err).toMatch(new RegExp(`^Port ${port} is in use\\. .*PORT=3001 ${command}\n$`));
    } finally {
      other.close();
    }
  });

  it.each(["http", "-1", "65536", ""])("reports the invalid PORT %j", async (port) => {
    const demo = start({ PORT: port });
    expect(await demo.ended).toBe(1);
    expect(demo.printed.err).toMatch(/^PORT must be a number .* got ".*"/);
  });
}
