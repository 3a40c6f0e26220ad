// The one program; `vite.config.ts` wraps it once for anywidget and once for a saved page. A worker runs it too.
export { startPage as page } from "./standalone";
export { createWidget as widget } from "./widget";
export { startWorker as worker } from "./worker/serve";
