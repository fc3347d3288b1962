import { testMemoryDemo } from "@sluice/servers/demo-tests";

testMemoryDemo(new URL("../dist/main.js", import.meta.url), "npm run demo -- hono");
