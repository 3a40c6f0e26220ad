// What every widget model carries in place of the program: it fetches the program, which a page runs once however many
// views there are, and hands everything on to it. Built on its own, into a kilobyte: it imports nothing but types.
import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";

interface Traits {
  /** Refers to the widget that all views of a kernel share, as Jupyter's widgets refer to each other. */
  readonly _program: string;
}

type Model = AnyModel<Traits>;

export interface Program {
  initialize(props: InitializeProps<Traits>): unknown;
  render(props: RenderProps<Traits>): unknown;
}

export interface Options {
  /** Where the page keeps the program; another version of nbviz has another place. */
  readonly page: Record<symbol, Promise<Program> | undefined>;
  readonly place: symbol;
  evaluate(text: string): Promise<Program>;
  /** Milliseconds after which the kernel is asked too, a cell says what it waits for, and it is given up. */
  readonly patience: { readonly ask: number; readonly say: number; readonly end: number };
}

export const WAITING = "Loading nbviz…";
export const MISSING =
  "nbviz: the program of this view is missing. It comes from the kernel, or from the widget state of a saved notebook: run the cell again, or save the notebook with its widgets.";

/** Milliseconds between two looks for a widget that has not been made yet. */
const PAUSE = 50;

export function createLoader(options: Options): Program {
  return {
    // Returns at once: an initialize that takes over two seconds costs the model its messages (anywidget 0.11).
    initialize(props) {
      obtain(options, props.model, props.signal)
        .then((program) => props.signal.aborted || program.initialize(props))
        // The display, if there is one, says so.
        .catch(() => {});
    },
    async render(props) {
      const { el, model, signal } = props;
      const timer = setTimeout(() => say(el, "status", WAITING), options.patience.say);
      let program: Program;
      try {
        program = await obtain(options, model, signal);
      } catch (error) {
        if (!signal.aborted) say(el, "alert", error instanceof Gone ? MISSING : `nbviz: ${error}`);
        return;
      } finally {
        clearTimeout(timer);
      }
      return signal.aborted ? undefined : program.render(props);
    },
  };
}

class Gone extends Error {}

function say(element: HTMLElement, role: string, text: string): void {
  const line = document.createElement("p");
  line.setAttribute("role", role);
  line.textContent = text;
  element.replaceChildren(line);
}

/** The page's program, else the one that this model can get hold of. */
async function obtain(options: Options, model: Model, signal: AbortSignal): Promise<Program> {
  const { page, place, evaluate } = options;
  for (let known = page[place]; known; known = page[place]) {
    try {
      return await known;
    } catch {
      // Another view has tried in vain, perhaps because it was closed meanwhile.
      if (page[place] === known) delete page[place];
    }
  }
  const own = fetchText(options, model, signal).then(evaluate);
  page[place] = own;
  own.catch(() => {
    if (page[place] === own) delete page[place];
  });
  // Awaited here, so that whoever waits gets on in the order in which they came: a model's initialize before its render.
  return await own;
}

/** The program's text from the shared widget, or from the kernel where the host does not let widgets see each other. */
async function fetchText({ patience }: Options, model: Model, signal: AbortSignal): Promise<string> {
  const end = new AbortController();
  const over = AbortSignal.any([signal, end.signal]);
  const timer = setTimeout(() => end.abort(), patience.end);
  try {
    return await Promise.any([fromWidget(model, over), fromKernel(model, patience.ask, over)]);
  } catch {
    throw new Gone();
  } finally {
    clearTimeout(timer);
    end.abort();
  }
}

async function fromWidget(model: Model, over: AbortSignal): Promise<string> {
  const id = model.get("_program").replace("IPY_MODEL_", "");
  for (;;) {
    try {
      const shared = await model.widget_manager.get_model<{ text: string }>(id);
      const text = shared.get("text");
      if (text) return text;
    } catch {
      // A page that is just being restored makes its widgets in any order.
    }
    await pause(PAUSE, over);
  }
}

async function fromKernel(model: Model, ask: number, over: AbortSignal): Promise<string> {
  await pause(ask, over);
  return new Promise((resolve, reject) => {
    const heard = (answer: { readonly type?: string; readonly text?: string }): void => {
      if (answer.type === "program" && answer.text) resolve(answer.text);
    };
    model.on("msg:custom", heard);
    over.addEventListener(
      "abort",
      () => {
        model.off("msg:custom", heard);
        reject(over.reason);
      },
      { once: true },
    );
    // Throws where the host has closed the channel: then there is no kernel.
    model.send({ type: "program" });
  });
}

function pause(milliseconds: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    over.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(over.reason);
    };
    const timer = setTimeout(() => {
      over.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    over.addEventListener("abort", stop, { once: true });
  });
}
