// The entry of a saved page: state and payload stand in the document, there is no kernel.
import { load } from "./loading";
import { fromBase64, type PageData, type PageSource, STATE_ID, workerScript } from "./page";
import { DEFAULT_STATE } from "./state";
import { Store } from "./store";
import { mount } from "./views/mount";
import { STAFF } from "./worker/staff";

/** Milliseconds in which most models are read: a page that says before that it is reading one would be drawn twice. */
const SOON = 500;

/** Show the view in place of the static fallback behind the script; without a saved view in the page, leave it alone. */
export function startPage(): void {
  const data = document.getElementById(STATE_ID);
  const script = document.currentScript;
  if (!data || !script) return;
  const { state, payload } = JSON.parse(data.textContent ?? "{}") as PageData;
  const bytes = fromBase64(payload);
  const known = Object.fromEntries(Object.entries(state).filter(([key]) => key in DEFAULT_STATE));
  const store = new Store({ ...DEFAULT_STATE, ...known, height: null });
  const source = sourceOf(document);
  // From here on the sheet hides the fallback, which the browser has not read yet, let alone laid out.
  const root = document.createElement("div");
  root.className = "nbviz-root";
  script.before(root);
  document.addEventListener("DOMContentLoaded", () => document.querySelector(".nbviz-fallback")?.remove());
  // The page itself ends it.
  const { signal } = new AbortController();
  STAFF.join(workerScript(source), signal);
  const waiting = new AbortController();
  const show = () => {
    waiting.abort();
    clearTimeout(timer);
    mount(root, store, { source: () => ({ ...source, payload: bytes }), page: true, style: null }, signal);
  };
  const timer = setTimeout(show, SOON);
  store.subscribe(show, waiting.signal);
  void load(store, bytes, signal);
}

/** The page's own program, to save it again with what has been selected and opened since. */
function sourceOf(page: Document): PageSource {
  const policy = page.querySelector<HTMLMetaElement>('meta[http-equiv="Content-Security-Policy"]')?.content ?? "";
  const hash = (directive: string) => new RegExp(`${directive} '(sha256-[^']+)'`).exec(policy)?.[1] ?? "";
  return {
    theme: page.documentElement.dataset.theme,
    script: page.currentScript?.textContent ?? "",
    scriptHash: hash("script-src"),
    style: page.head.querySelector("style")?.textContent ?? "",
    styleHash: hash("style-src"),
  };
}
