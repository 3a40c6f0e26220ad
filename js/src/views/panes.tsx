// Table, graph and inspector side by side, one over the other, or behind tabs, as the width allows.
import { useRef, useState } from "preact/hooks";
import { DEFAULT_STATE } from "../state";
import type { Payload } from "../wire";
import { GraphView } from "./graph";
import { handled, useDisplay, useStore } from "./hooks";
import { Inspector } from "./inspector";
import { Splitter } from "./splitter";
import { TablePane } from "./table-pane";

/** Below this, table and graph take turns. */
const NARROW = 680;
/** The table's share of the width where there is no graph beside it and nobody has moved the border. */
const MOSTLY_TABLE = 0.7;
/** Pixels that the table takes beside the graph, though that is more than its usual share: names, shapes and numbers. */
const LEAST_TABLE = 400;
/** The same where there is no graph, for what of parameters is shown then. */
const LEAST_ALONE = 690;
/** What stands beside a table without a graph has sentences and numbers: with less room it stands under the table. */
const BESIDE_TABLE = 960;
/** Pixels of a border between two panes that are on one side of its middle. */
const BORDER = 3;
/** From here on the inspector stands beside the graph, not under it. */
const WIDE = 1080;

interface PanesProps {
  readonly payload: Payload;
  readonly width: number;
  /** Whether the inspector is wanted. */
  readonly details: boolean;
  onCloseDetails(): void;
}

type Tab = "table" | "graph";

export function Panes({ payload, width, details, onCloseDetails }: PanesProps) {
  const { store, graph } = useDisplay();
  const { split: kept, selection } = useStore(store, "split", "selection");
  const drawn = payload.calls.length > 0;
  const usual = drawn
    ? Math.max(DEFAULT_STATE.split, LEAST_TABLE / width)
    : Math.max(MOSTLY_TABLE, LEAST_ALONE / width);
  const split = kept === DEFAULT_STATE.split ? usual : kept;
  const [tab, setTab] = useState<Tab>("table");
  const area = useRef<HTMLDivElement>(null);
  const narrow = width < (drawn ? NARROW : BESIDE_TABLE);
  const inspector = details && selection.length > 0;
  const shows = (pane: Tab) => {
    // Why there is no graph is a strip under the table, until details of a row take its place.
    const isWanted = pane === "table" ? split > 0 : split < 1;
    if (narrow && !drawn) return isWanted && (pane === "table" || !inspector);
    return narrow ? pane === tab : isWanted;
  };
  const both = !narrow && shows("table") && shows("graph");
  const arrangement = narrow ? "is-narrow" : width < WIDE ? "is-medium" : "is-wide";
  const close = () => {
    onCloseDetails();
    // The keyboard was in what is gone now.
    area.current?.querySelector<HTMLElement>(".nbviz-grid")?.focus({ preventScroll: true });
  };
  return (
    <>
      {narrow && drawn && <Tabs tab={tab} onTab={setTab} />}
      <div
        class={`nbviz-main ${arrangement}${inspector ? " has-inspector" : ""}${drawn ? "" : " is-undrawn"}`}
        ref={area}
      >
        <div
          class="nbviz-table-pane"
          hidden={!shows("table")}
          style={both ? { flex: `0 0 calc(${split * 100}% - ${BORDER}px)` } : { flex: "1 1 0" }}
        >
          <TablePane payload={payload} room={both ? Math.round(split * width) - BORDER : width} />
        </div>
        {both && (
          <Splitter
            label="Table and graph"
            orientation="vertical"
            value={split}
            min={0.15}
            max={0.85}
            reset={DEFAULT_STATE.split}
            area={area}
            onMove={(share) => store.set({ split: share })}
          />
        )}
        <Side
          inspector={inspector ? <Inspector payload={payload} onClose={close} /> : null}
          horizontal={drawn && width >= WIDE}
          graphShown={shows("graph")}
        >
          <GraphView
            store={store}
            onReady={(handle) => {
              graph.current = handle;
            }}
          />
        </Side>
      </div>
    </>
  );
}

interface SideProps {
  readonly inspector: preact.JSX.Element | null;
  readonly horizontal: boolean;
  readonly graphShown: boolean;
  readonly children: preact.JSX.Element;
}

/** The graph, and the inspector docked to it: the graph makes room. */
function Side({ inspector, horizontal, graphShown, children }: SideProps) {
  const area = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState<number | null>(null);
  const now = share ?? (horizontal ? 0.62 : 0.56);
  const basis = share === null ? undefined : { flex: `0 0 calc(${(1 - share) * 100}% - ${BORDER}px)` };
  return (
    <div class={`nbviz-side${horizontal ? " is-row" : ""}${graphShown ? "" : " is-alone"}`} ref={area}>
      <div class="nbviz-graph-pane" hidden={!graphShown}>
        {children}
      </div>
      {inspector && (
        <>
          <Splitter
            label="Graph and details"
            orientation={horizontal ? "vertical" : "horizontal"}
            value={now}
            min={0.2}
            max={0.85}
            reset={horizontal ? 0.62 : 0.56}
            area={area}
            onMove={setShare}
          />
          <div class="nbviz-dock" style={basis}>
            {inspector}
          </div>
        </>
      )}
    </div>
  );
}

function Tabs({ tab, onTab }: { tab: Tab; onTab: (tab: Tab) => void }) {
  const tabs: readonly (readonly [Tab, string])[] = [
    ["table", "Table"],
    ["graph", "Graph"],
  ];
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    handled(event);
    onTab(tab === "table" ? "graph" : "table");
    const other = (event.currentTarget as Element).querySelector<HTMLElement>('[aria-selected="false"]');
    other?.focus();
  };
  return (
    <div class="nbviz-tabs" role="tablist" tabIndex={-1} aria-label="What to show" onKeyDown={onKeyDown}>
      {tabs.map(([id, name]) => (
        <button
          key={id}
          type="button"
          role="tab"
          aria-selected={tab === id}
          tabIndex={tab === id ? 0 : -1}
          class="nbviz-tab"
          onClick={() => onTab(id)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
