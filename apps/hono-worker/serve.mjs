// Serves the worker in workerd, the runtime of Cloudflare Workers. Run as: node serve.mjs, with the port in PORT (default 3000).
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

const { PORT = "3000" } = process.env;

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("dist/main.js", import.meta.url))],
  bundle: true,
  format: "esm",
  write: false,
});
const worker = new Miniflare({
  modules: true,
  script: outputFiles[0]?.text ?? "",
  compatibilityDate: "2025-01-01",
  host: "127.0.0.1",
  port: Number(PORT),
  // Stops Miniflare from fetching an example of `request.cf`.
  cf: false,
});

const url = await worker.ready;
console.log(`Listening on ${url}

Each client may make 10 requests per 10 seconds, counted from its first one. On Workers, Cloudflare sets the client address; here curl
does. Send 12 in a row; the last two get 429:

  for i in $(seq 12); do curl -s -o /dev/null -w '%{http_code}  %header{ratelimit}\\n' -H 'CF-Connecting-IP: 192.0.2.1' ${url}; done

Ctrl-C stops the server.`);

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.once(signal, () => void worker.dispose());
