export { testMemoryDemo } from "./memory-demo.js";
export { demoStarter } from "./start.js";
export { statusesOf } from "./statuses-of.js";
