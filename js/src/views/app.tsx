// One display: toolbar, table, graph, inspector and footer, arranged by the room there is.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { openPaths } from "../outline";
import type { Store } from "../store";
import { hostTheme } from "../theme";
import { treeOf, visibleRows } from "../tree";
import type { Payload } from "../wire";
import { useFill } from "./fill";
import { Footer } from "./footer";
import type { GraphHandle } from "./graph";
import { type Display, DisplayContext, handled, useSize, useStore } from "./hooks";
import type { MountOptions } from "./mount";
import { Notes } from "./notes";
import { Panes } from "./panes";
import { Toolbar } from "./toolbar";

interface AppProps {
  readonly store: Store;
  readonly options: MountOptions;
  /** The element this is drawn into. */
  readonly root: HTMLElement;
}

export function App({ store, options, root }: AppProps) {
  useStore(store, "payload", "error");
  const { payload, error } = store;
  const rootRef = useMemo(() => ({ current: root }), [root]);
  const size = useSize(rootRef);
  const graph = useRef<GraphHandle | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const [said, announce] = useAnnouncer();
  const [details, setDetails] = useState(true);
  const [full, setFull] = useFill(root);
  const display = useMemo<Display>(
    () => ({ store, page: options.page, source: options.source, theme: () => hostTheme(root), graph, announce }),
    [store, options, root, announce],
  );
  useHeight(root, store, payload, options.page || full);
  useCollapsing(root, size?.width);
  useKeys(options.page ? document.documentElement : root, {
    "/": () => search.current?.focus(),
    f: () => graph.current?.fit(),
    z: () => graph.current?.zoomToSelection(),
    i: () => setDetails(!details),
    ...(options.page ? {} : { F: () => setFull(!full) }),
    ...(full ? { Escape: () => setFull(false) } : {}),
  });
  return (
    <DisplayContext.Provider value={display}>
      <Toolbar
        payload={payload}
        search={search}
        details={details}
        full={full}
        canFill={!options.page}
        onDetails={() => setDetails(!details)}
        onFull={() => setFull(!full)}
      />
      {payload && <Notes payload={payload} />}
      {payload && (
        <Panes
          payload={payload}
          width={size?.width ?? 1000}
          details={details}
          onCloseDetails={() => setDetails(false)}
        />
      )}
      {!payload && <Waiting error={error} />}
      {payload && <Footer payload={payload} />}
      <div class={`nbviz-said${said ? " is-on" : ""}`} role="status">
        {said}
      </div>
    </DisplayContext.Provider>
  );
}

function Waiting({ error }: { error: string | null }) {
  if (error === null) {
    return (
      <div class="nbviz-waiting" role="status">
        Reading the model…
      </div>
    );
  }
  return (
    <div class="nbviz-waiting" role="alert">
      <strong>The view could not be shown.</strong>
      <p>{error}</p>
    </div>
  );
}

function useAnnouncer(): [string, (text: string) => void] {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), 5000);
    return () => clearTimeout(timer);
  }, [said]);
  return [said, setSaid];
}

const TINY = 9;

/** Widths below which the toolbar and the footer collapse, see bars.css. */
const COLLAPSE = [1000, 760, 580];

/**
 * Notes on the root which widths it is below. Container queries would say it in CSS alone, but Chromium (150) then loses what is
 * added to a view while JupyterLab skips its cell (`content-visibility`), for good: a table without its rows.
 */
function useCollapsing(root: HTMLElement, width: number | undefined): void {
  const below = width === undefined ? "" : COLLAPSE.filter((least) => width < least).join(" ");
  useLayoutEffect(() => root.setAttribute("data-below", below), [root, below]);
}

/** The height asked for, or one by the content: a model of a few layers needs no big frame. */
function useHeight(root: HTMLElement, store: Store, payload: Payload | null, fills: boolean): void {
  const { height } = useStore(store, "height");
  // Decided once per payload: a frame that grows as one opens groups would push the notebook about.
  const chosen = useMemo(() => {
    if (!payload) return 420;
    const rows = visibleRows(payload.rows, treeOf(payload.rows, store.state.groups), openPaths(payload, store.state));
    return rows.length <= TINY ? 440 : 640;
  }, [payload, store]);
  useLayoutEffect(() => {
    if (fills) root.style.removeProperty("height");
    else root.style.setProperty("height", `${height ?? chosen}px`);
  }, [root, height, chosen, fills]);
}

/** Keys of the whole display, or of the page that it fills; what is typed into a field is text, and modified keys are the browser's. */
function useKeys(within: HTMLElement, keys: Readonly<Record<string, () => void>>): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const end = new AbortController();
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if ((event.target as Element).matches("input, textarea, select")) return;
      const act = latest.current[event.key];
      if (!act) return;
      handled(event);
      act();
    };
    within.addEventListener("keydown", onKeyDown, { signal: end.signal });
    return () => end.abort();
  }, [within]);
}
