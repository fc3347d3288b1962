import { readFileSync } from "node:fs";
import { defineConfig } from "vitepress";
import llmstxt from "vitepress-plugin-llms";
import { sidebar } from "./sidebar.mjs";

const { homepage } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));

export default defineConfig({
  title: "Sluice",
  description: "Rate limiting for TypeScript servers that is exact, fast and the same everywhere.",
  lang: "en",
  srcDir: ".content",
  outDir: "dist",
  cacheDir: ".cache",
  cleanUrls: true,
  lastUpdated: false,
  markdown: { theme: { light: "github-light", dark: "github-dark" } },
  vite: {
    plugins: [llmstxt({ ignoreFiles: ["decisions/*", "api/**"] })],
    build: { chunkSizeWarningLimit: 2_000 },
  },
  themeConfig: {
    nav: [
      { text: "Guide", link: "/getting-started" },
      { text: "Moving in", link: "/moving-in/" },
      { text: "API", link: "/api/" },
      { text: "Errors", link: "/errors/" },
    ],
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: homepage }],
    footer: { message: "MIT licence" },
  },
});
