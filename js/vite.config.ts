import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { build, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

const here = import.meta.dirname;
const out = resolve(here, "../nbviz/static");

// SHA-256 over everything that can change the bundle; hatch_build.py recomputes it without Node.
function sourceHash(): string {
  const files = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .concat("package.json", "package-lock.json", "vite.config.ts", "tsconfig.json")
    .sort();
  const hash = createHash("sha256");
  for (const file of files)
    hash.update(`${file}\0${readFileSync(join(here, file), "utf8").replaceAll("\r\n", "\n")}\0`);
  return hash.digest("hex");
}

const sha256 = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;

/** The text of a small program of its own. */
async function bundled(entry: string, format: "es" | "iife", define: Record<string, string> = {}): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    define,
    build: {
      write: false,
      target: "es2022",
      lib: { entry: join(here, "src", entry), formats: [format], name: "nbviz", fileName: () => "program.js" },
    },
  });
  const [result] = [built].flat();
  if (!result || !("output" in result)) throw new Error(`${entry} was not built`);
  return result.output[0].code;
}

/** The loader of a program. */
function loaderOf(program: string): Promise<string> {
  const name = createHash("sha256").update(program).digest("hex").slice(0, 16);
  return bundled("loader-main.ts", "es", { PROGRAM: JSON.stringify(name) });
}

/**
 * Writes one program in two wrappings.
 *
 * The whole bundle is a function, so a running widget has the text of its own program (`program.toString()`) and can put
 * it into a saved page, without Python and without carrying it twice. `standalone.js` calls that function; `widget.js`
 * is a module for anywidget, and passes in the page's script and the hashes for its content-security policy. `loader.js`
 * is what every widget carries: it imports `widget.js` once per page. `picture.js` draws pictures in Python's own V8.
 */
const wrap: Plugin = {
  name: "nbviz-wrap",
  enforce: "post",
  async generateBundle(_options, bundle) {
    const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
    const sheet = Object.values(bundle).find((file) => file.type === "asset" && file.fileName.endsWith(".css"));
    const code = chunks[0]?.code.trim();
    if (chunks.length !== 1 || !code || sheet?.type !== "asset")
      return this.error("nbviz must be one script and one sheet");
    const css = String(sheet.source).trim();
    // A page holds the program inside <script>: the text must not be able to end it, nor be changed by escaping.
    if (/<\/script|<!--|<script/i.test(code)) this.error("the bundle contains text that would end a script element");
    if (/<\/style/i.test(css)) this.error("the sheet contains text that would end a style element");
    const program = `function(){${code}\nreturn nbviz}`;
    const page = `(${program})().page();\n`;
    const widget = `const program=${program};
export default program().widget({script:"("+program+")().page();\\n",scriptHash:"${sha256(page)}",style:${JSON.stringify(css)},styleHash:"${sha256(css)}"});\n`;
    for (const name of Object.keys(bundle)) delete bundle[name];
    const files = {
      "widget.js": widget,
      "loader.js": await loaderOf(widget),
      "picture.js": await bundled("picture.ts", "iife"),
      "standalone.js": page,
      "standalone.css": css,
      "BUILD.txt": `${sourceHash()}\n`,
    };
    mkdirSync(out, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(out, name), text);
  },
};

export default defineConfig({
  plugins: [wrap],
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: out,
    emptyOutDir: false,
    target: "es2022",
    sourcemap: false,
    lib: { entry: "src/main.ts", formats: ["iife"], name: "nbviz", fileName: () => "main.js" },
  },
  worker: { format: "iife" },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] },
});
