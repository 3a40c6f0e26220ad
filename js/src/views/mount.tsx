// Puts one display of a store into an element, and takes it out again.
import { render } from "preact";
import { revealSelection } from "../opening";
import type { Store } from "../store";
import { followTheme } from "../theme";
import { App } from "./app";
import type { Source } from "./hooks";
import "../theme.css";
import "./controls.css";
import "./bars.css";
import "./panes.css";
import "./graph.css";
import "./inspector.css";
import "./table.css";
import "../print.css";

export interface MountOptions {
  /** Whether this is a saved page, which the view fills. */
  readonly page: boolean;
  source(): Source;
  /** The sheet, where the page around does not have it already. */
  readonly style: string | null;
}

/** Mount into `element`, replacing what is there, until `signal` aborts. */
export function mount(element: HTMLElement, store: Store, options: MountOptions, signal: AbortSignal): void {
  if (signal.aborted) return;
  const root = document.createElement("div");
  root.className = options.page ? "nbviz is-page" : "nbviz";
  keepKeys(root, signal);
  element.replaceChildren(...sheet(options.style), root);
  followTheme(root, (theme) => root.setAttribute("data-theme", theme), signal);
  revealSelection(store, signal);
  render(<App store={store} options={options} root={root} />, root);
  signal.addEventListener(
    "abort",
    () => {
      render(null, root);
      element.replaceChildren();
    },
    { once: true },
  );
}

// Jupyter's shortcuts listen before ours do. They honour this attribute (Lumino 2), but look for it upwards from the
// focused element and stop at the first that a shortcut's selector means, which may be the focused element itself.
function keepKeys(root: HTMLElement, signal: AbortSignal): void {
  const mark = (element: Element) => element.setAttribute("data-lm-suppress-shortcuts", "true");
  mark(root);
  root.addEventListener("focusin", (event) => mark(event.target as Element), { signal });
}

// Beside the view and not in the page's head: it then also holds in a shadow root (marimo), and leaves with the view.
function sheet(text: string | null): HTMLStyleElement[] {
  if (text === null) return [];
  const style = document.createElement("style");
  style.textContent = text;
  return [style];
}
