// node bundle.mjs <entry> <file>: one TypeScript entry of js/src as a minified module, as the widget ships it.
import { createRequire } from "node:module";
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [entry, file] = process.argv.slice(2).map((path) => resolve(path));
const js = resolve(import.meta.dirname, "../../../js");
const vite = await import(pathToFileURL(createRequire(`${js}/package.json`).resolve("vite")).href);

await vite.build({
  configFile: false,
  root: js,
  logLevel: "error",
  build: {
    outDir: dirname(file),
    emptyOutDir: false,
    target: "es2022",
    lib: { entry, formats: ["es"], fileName: () => basename(file) },
    // Vite leaves the white space of a library; the widget is a program and has none.
    rolldownOptions: { output: { minify: true } },
  },
});
