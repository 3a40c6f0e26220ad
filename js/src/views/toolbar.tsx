// The bar on top: what is shown, search, and the controls of the graph.
import type { RefObject } from "preact";
import { treeOf } from "../tree";
import type { Payload } from "../wire";
import { useDisplay, useStore } from "./hooks";
import { Icon } from "./icons";
import { Choice, Heading, Menu } from "./menu";
import { SaveMenu } from "./save-menu";
import { SearchBox } from "./search-box";

interface ToolbarProps {
  readonly payload: Payload | null;
  readonly search: RefObject<HTMLInputElement>;
  readonly details: boolean;
  readonly full: boolean;
  /** Whether there is anything to fill beyond the widget's own frame. */
  readonly canFill: boolean;
  onDetails(): void;
  onFull(): void;
}

export function Toolbar({ payload, search, details, full, canFill, onDetails, onFull }: ToolbarProps) {
  const { store, graph } = useDisplay();
  const { title } = useStore(store, "title");
  const name = title || payload?.meta.name || "Model";
  const about = payload ? [payload.meta.framework, payload.meta.type].filter(Boolean).join(" · ") : "";
  // A checkpoint has rows to open and nothing to color or to fit.
  const drawn = payload === null || payload.calls.length > 0;
  return (
    <div class="nbviz-toolbar">
      <div class="nbviz-title">
        <strong title={name}>{name}</strong>
        <span class="nbviz-about">{about}</span>
      </div>
      <SearchBox payload={payload} input={search} />
      <div class="nbviz-controls">
        {drawn && <ColorMenu />}
        {payload && <DepthMenu payload={payload} drawn={drawn} />}
        {drawn && (
          <button
            type="button"
            class="nbviz-button"
            aria-label="Fit the graph"
            title="Fit the graph (F)"
            onClick={() => graph.current?.fit()}
          >
            <Icon name="fit" />
            <span class="nbviz-button-text">Fit</span>
          </button>
        )}
        {payload && <SaveMenu payload={payload} />}
        <button
          type="button"
          class="nbviz-button is-icon"
          aria-pressed={details}
          aria-label="Details of the selection"
          title="Details of the selection (I)"
          onClick={onDetails}
        >
          <Icon name="details" />
        </button>
        {canFill && (
          <button
            type="button"
            class="nbviz-button is-icon"
            aria-pressed={full}
            aria-label="Fill the window"
            title={full ? "Back into the notebook (Escape)" : "Fill the window (Shift+F)"}
            onClick={onFull}
          >
            <Icon name={full ? "shrink" : "expand"} />
          </button>
        )}
      </div>
    </div>
  );
}

const COLORS: readonly (readonly [string, string, string])[] = [
  ["params", "Params", "share of parameters"],
  ["type", "Type", "one color a type"],
  ["dtype", "Dtype", "of the output"],
  ["trainable", "Trainable", "frozen or not"],
  ["macs", "MACs", "share of the work"],
  ["bytes", "Size", "share of the bytes"],
  ["none", "None", ""],
];

function ColorMenu() {
  const { store } = useDisplay();
  const { color_by, edge_width, extra_columns } = useStore(store, "color_by", "edge_width", "extra_columns");
  const extras = extra_columns.map(({ id, label, unit }) => [id, label, unit] as const);
  const all = [...COLORS.slice(0, -1), ...extras, ...COLORS.slice(-1)];
  const now = all.find(([id]) => id === color_by)?.[1] ?? color_by;
  return (
    <Menu label="Color by" text={`Color: ${now}`} icon="palette" title="What the color of a box means">
      {all.map(([id, label, hint]) => (
        <Choice key={id} single on={id === color_by} hint={hint} onPick={() => store.set({ color_by: id })}>
          {label}
        </Choice>
      ))}
      <Heading>Lines</Heading>
      <Choice
        single={false}
        on={edge_width === "bytes"}
        hint="of the tensor"
        onPick={() => store.set({ edge_width: edge_width === "bytes" ? "none" : "bytes" })}
      >
        Width by size
      </Choice>
    </Menu>
  );
}

/** Deeper levels than this are reached by opening boxes one by one. */
const LEVELS = 6;

function DepthMenu({ payload, drawn }: { payload: Payload; drawn: boolean }) {
  const { store } = useDisplay();
  const { depth, expanded, groups, direction } = useStore(store, "depth", "expanded", "groups", "direction");
  const deepest = treeOf(payload.rows, groups).depth.reduce((most, level) => Math.max(most, level), 1);
  const levels = Array.from({ length: Math.min(deepest - 1, LEVELS) }, (_, level) => level + 1);
  const hasGroups = payload.rows.kind.includes("group");
  const chosen = expanded === null ? depth : null;
  const text = chosen === null ? "custom" : chosen === "auto" ? "auto" : chosen >= deepest ? "all" : String(chosen);
  const open = (to: number | "auto") => store.set({ depth: to, expanded: null });
  return (
    <Menu
      label="Depth"
      text={`Depth: ${text}`}
      icon="layers"
      title={`How deep the tree is opened${drawn ? ", groups, and direction" : ""}`}
    >
      <Heading>Open to depth</Heading>
      <Choice single on={chosen === "auto"} hint="what fits" onPick={() => open("auto")}>
        Auto
      </Choice>
      {levels.map((level) => (
        <Choice key={level} single on={chosen === level} onPick={() => open(level)}>
          {level}
        </Choice>
      ))}
      <Choice
        single
        on={typeof chosen === "number" && chosen >= deepest}
        hint={`${deepest}`}
        onPick={() => open(deepest)}
      >
        All
      </Choice>
      {hasGroups && (
        <>
          <Heading>Groups</Heading>
          <Choice
            single={false}
            on={groups}
            hint="inferred from names"
            onPick={() => store.set({ groups: !groups, expanded: null })}
          >
            Group layers
          </Choice>
        </>
      )}
      {drawn && (
        <>
          <Heading>Direction</Heading>
          <Choice single on={direction === "down"} onPick={() => store.set({ direction: "down" })}>
            Top to bottom
          </Choice>
          <Choice single on={direction === "right"} onPick={() => store.set({ direction: "right" })}>
            Left to right
          </Choice>
        </>
      )}
    </Menu>
  );
}
