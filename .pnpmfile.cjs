// The export condition "dev-source" points at sources, which are not shipped, so a packed manifest must not have it.
// See docs/decisions/0110-tests-run-on-sources.md.
module.exports = {
  hooks: {
    /** @param {{ exports?: Record<string, string | Record<string, unknown>> }} manifest */
    beforePacking(manifest) {
      for (const target of Object.values(manifest.exports ?? {})) {
        if (typeof target === "object") delete target["dev-source"];
      }
      return manifest;
    },
  },
};
