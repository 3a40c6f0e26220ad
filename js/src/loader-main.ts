// The loader as anywidget imports it; `vite.config.ts` builds it on its own and says which program it loads.
import { createLoader, type Program } from "./loader";

declare const PROGRAM: string;

export default createLoader({
  page: globalThis as unknown as Record<symbol, Promise<Program> | undefined>,
  place: Symbol.for(`nbviz:${PROGRAM}`),
  evaluate,
  patience: { ask: 1000, say: 1000, end: 15_000 },
});

/** As anywidget does with what a widget carries itself; where a policy refuses a module in a blob, as a function. */
async function evaluate(text: string): Promise<Program> {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    const program = (await import(/* @vite-ignore */ address)) as { default: Program };
    return program.default;
  } catch {
    return new Function(text.replace("\nexport default ", "\nreturn "))() as Program;
  } finally {
    URL.revokeObjectURL(address);
  }
}
