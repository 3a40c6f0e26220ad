// A saved page made in the browser: the same document that `nbviz/views/page.py` writes.
import type { State } from "./state";

export const STATE_ID = "nbviz-state";

/** The program and its styles, with the hashes that the page's content-security policy names. */
export interface PageSource {
  /** Whether the page stays light or dark; else it is as its reader's system. */
  readonly theme?: string | undefined;
  readonly script: string;
  readonly scriptHash: string;
  readonly style: string;
  readonly styleHash: string;
}

/** The same program as a worker's. */
export function workerScript({ script }: PageSource): string {
  return script.replace(/\.page\(\);\s*$/, ".worker();\n");
}

/** What stands in the page as JSON; the payload is the gzip bytes in base64. */
export interface PageData {
  readonly state: State;
  readonly payload: string;
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  // In pieces: a spread of megabytes overflows the stack.
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  // A plain loop: `Uint8Array.from` with a function takes ten times as long, which large models show.
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// JSON that cannot end the script element it stands in.
function inert(data: PageData): string {
  return JSON.stringify(data).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function policy(source: PageSource): string {
  return [
    "default-src 'none'",
    `script-src '${source.scriptHash}'`,
    `style-src '${source.styleHash}'`,
    "img-src data: blob:",
    "worker-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/**
 * The whole page as text.
 *
 * Built as a document and serialised, so that every title and table cell is escaped by the browser.
 */
export function pageHtml(source: PageSource, data: PageData, title: string, fallback: Node): string {
  const page = document.implementation.createHTMLDocument("");
  page.title = title;
  page.documentElement.lang = "en";
  if (source.theme) page.documentElement.setAttribute("data-theme", source.theme);
  const add = <K extends keyof HTMLElementTagNameMap>(
    parent: Element,
    tag: K,
    attributes: Record<string, string>,
    text = "",
  ) => {
    const element = page.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    parent.append(element);
    return element;
  };
  page.head.prepend(
    add(page.head, "meta", { charset: "utf-8" }),
    add(page.head, "meta", { "http-equiv": "Content-Security-Policy", content: policy(source) }),
    add(page.head, "meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
  );
  add(page.head, "style", {}, source.style);
  page.body.className = "nbviz-page";
  add(page.body, "script", { type: "application/json", id: STATE_ID }, inert(data));
  add(page.body, "script", {}, source.script);
  // Behind the script, which hides it before it costs anything.
  add(page.body, "div", { class: "nbviz-fallback" }).append(page.importNode(fallback, true));
  return `<!doctype html>\n${page.documentElement.outerHTML}\n`;
}
