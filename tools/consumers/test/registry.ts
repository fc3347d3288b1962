// A registry on this machine that serves the packed packages, and redirects requests for all others to the configured
// registry.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { capture } from "../../lib/process.mjs";

export interface Registry {
  readonly url: string;
  stop(): Promise<void>;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
}

/** Package managers may refuse packages that were published less than a day ago. */
const PUBLISHED = "2025-01-01T00:00:00.000Z";

/** Serves tarballs as npm would after `npm publish`. Rejects if the configured registry does not answer. */
export async function startRegistry(tarballs: readonly string[]): Promise<Registry> {
  const upstream = capture("npm", ["config", "get", "registry"]).stdout.trim();
  // Asks with npm, whose settings may include a proxy or certificates.
  const { ok, stderr } = capture("npm", ["view", "express", "version"]);
  if (!ok) throw new Error(`The npm registry, from which these tests install, does not answer:\n${stderr}`);

  const answers = new Map<string, Buffer | string>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    const answer = answers.get(path);
    if (answer === undefined) {
      response.writeHead(307, { location: new URL(`.${request.url}`, upstream).href }).end();
      return;
    }
    const type = typeof answer === "string" ? "application/json" : "application/octet-stream";
    response.writeHead(200, { "content-type": type }).end(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  for (const tarball of tarballs) {
    const content = await readFile(tarball);
    const manifest: Manifest = JSON.parse(capture("tar", ["-xzOf", tarball, "package/package.json"]).stdout);
    const path = `/${manifest.name}/-/${basename(tarball)}`;
    answers.set(path, content);
    answers.set(`/${manifest.name}`, packument(manifest, `${url}${path}`, content));
  }
  return {
    url: `${url}/`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function packument(manifest: Manifest, tarball: string, content: Buffer): string {
  const { name, version } = manifest;
  const dist = {
    tarball,
    shasum: createHash("sha1").update(content).digest("hex"),
    integrity: `sha512-${createHash("sha512").update(content).digest("base64")}`,
  };
  return JSON.stringify({
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist } },
    time: { created: PUBLISHED, modified: PUBLISHED, [version]: PUBLISHED },
  });
}
