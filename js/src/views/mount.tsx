// Puts one display of a store into an element, and takes it out again.
import { render } from "preact";
import { revealSelection } from "../outline";
import type { Store } from "../store";
import { followTheme } from "../theme";
import { App } from "./app";
import type { Source } from "./hooks";
import "../theme.css";
import "./graph.css";
import "./inspector.css";
import "./table.css";

export interface MountOptions {
  /** Whether this is a saved page, which the view fills. */
  readonly page: boolean;
  source(): Source;
}

/** Mount into `element`, replacing what is there, until `signal` aborts. */
export function mount(element: HTMLElement, store: Store, options: MountOptions, signal: AbortSignal): void {
  if (signal.aborted) return;
  const root = document.createElement("div");
  root.className = options.page ? "nbviz is-page" : "nbviz";
  // Jupyter's shortcuts listen before ours do, and honour this attribute (Lumino 2).
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  element.replaceChildren(root);
  followTheme(root, (theme) => root.setAttribute("data-theme", theme), signal);
  revealSelection(store, signal);
  render(<App store={store} options={options} root={root} />, root);
  signal.addEventListener(
    "abort",
    () => {
      render(null, root);
      root.remove();
    },
    { once: true },
  );
}
