// The one program; `vite.config.ts` wraps it once for anywidget and once for a saved page.
export { startPage as page } from "./standalone";
export { createWidget as widget } from "./widget";
