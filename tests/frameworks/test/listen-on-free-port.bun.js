// Does the same as `listen-on-free-port.mjs` for Bun.
const { serve } = Bun;

Bun.serve = (options) => {
  const server = serve({ ...options, port: 0, hostname: "127.0.0.1" });
  console.log(`http://127.0.0.1:${server.port}`);
  return server;
};
