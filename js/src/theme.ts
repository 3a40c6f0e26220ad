// Whether the host is light or dark: asked of the host's own colors first, of the system last.
import { rgb } from "d3-color";

export type Theme = "light" | "dark";

/** Variables with which a host paints the ground that we stand on. */
const GROUNDS = ["--jp-layout-color0", "--vscode-editor-background"];

/** null for what says nothing: transparent, or no color. */
function themeOfColor(text: string): Theme | null {
  const { r, g, b, opacity } = rgb(text.trim());
  if (Number.isNaN(r) || !(opacity > 0.5)) return null;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 110 ? "dark" : "light";
}

function themeOfAttributes(element: Element): Theme | null {
  const jupyter = element.getAttribute("data-jp-theme-light");
  if (jupyter !== null) return jupyter === "false" ? "dark" : "light";
  const said = [element.getAttribute("data-theme"), element.getAttribute("data-bs-theme"), ...element.classList];
  if (said.some((word) => word === "dark" || word === "vscode-dark")) return "dark";
  return said.some((word) => word === "light" || word === "vscode-light") ? "light" : null;
}

// Through shadow roots: custom properties and grounds cross them, selectors do not.
function parentOf(element: Element): Element | null {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}

/** The theme around `element`, which is in the document. */
export function hostTheme(element: Element): Theme {
  const style = getComputedStyle(element);
  for (const name of GROUNDS) {
    const theme = themeOfColor(style.getPropertyValue(name));
    if (theme) return theme;
  }
  for (let at = parentOf(element); at; at = parentOf(at)) {
    const theme = themeOfAttributes(at) ?? themeOfColor(getComputedStyle(at).backgroundColor);
    if (theme) return theme;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Tell `heard` the theme around `element` now and whenever the host may have changed it. */
export function followTheme(element: Element, heard: (theme: Theme) => void, signal: AbortSignal): void {
  let known: Theme | null = null;
  const look = () => {
    // JupyterLab takes cells that are scrolled away out of the page: nothing around them tells a theme.
    if (known !== null && !element.isConnected) return;
    const now = hostTheme(element);
    if (now === known) return;
    known = now;
    heard(now);
  };
  const observer = new MutationObserver(look);
  // Hosts switch by an attribute or class of these two, or swap a style sheet and then set one.
  const attributeFilter = [
    "class",
    "style",
    "data-theme",
    "data-bs-theme",
    "data-jp-theme-name",
    "data-jp-theme-light",
  ];
  for (const watched of [document.documentElement, document.body]) observer.observe(watched, { attributeFilter });
  // What comes back into the page gets a size again.
  const sizes = new ResizeObserver(look);
  sizes.observe(element);
  signal.addEventListener(
    "abort",
    () => {
      observer.disconnect();
      sizes.disconnect();
    },
    { once: true },
  );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", look, { signal });
  look();
}
