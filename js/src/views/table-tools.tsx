// Above the table: filter by text and type, and which columns show.
import { useMemo } from "preact/hooks";
import { type Column, defaultColumns } from "../columns";
import { formatCount } from "../format";
import { treeOf } from "../tree";
import type { Payload } from "../wire";
import { useDisplay, useStore } from "./hooks";
import { Icon } from "./icons";
import { Action, Choice, Menu } from "./menu";

interface ToolsProps {
  readonly payload: Payload;
  readonly all: readonly Column[];
  readonly shown: readonly string[];
}

export function TableTools({ payload, all, shown, tight }: ToolsProps & { readonly tight: boolean }) {
  const { store } = useDisplay();
  const { filter } = useStore(store, "filter");
  return (
    <div class={`nbviz-tools${tight ? " is-tight" : ""}`}>
      <label class="nbviz-field nbviz-filter">
        <Icon name="filter" />
        <input
          type="text"
          value={filter.text}
          placeholder="Filter rows"
          aria-label="Filter rows by name, type, dtype or shape"
          title="Keeps only the rows that contain every word"
          onInput={(event) => store.set({ filter: { ...filter, text: event.currentTarget.value } })}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Escape") store.set({ filter: { ...filter, text: "" } });
          }}
        />
      </label>
      <TypeMenu payload={payload} />
      <ColumnMenu payload={payload} all={all} shown={shown} />
    </div>
  );
}

function TypeMenu({ payload }: { payload: Payload }) {
  const { store } = useDisplay();
  const { types } = useStore(store, "filter").filter;
  const text = types.length === 0 ? "All types" : types.length === 1 ? (types[0] ?? "") : `${types.length} types`;
  return (
    <Menu label="Types" text={text} icon="layers" title="Which rows show: all, or those of some types" class="is-quiet">
      <TypeChoices payload={payload} />
    </Menu>
  );
}

/** What the menu of types holds: counted when it is opened. */
function TypeChoices({ payload }: { payload: Payload }) {
  const { store } = useDisplay();
  const { filter, groups, operations } = useStore(store, "filter", "groups", "operations");
  const counts = useMemo(() => countTypes(payload, groups), [payload, groups]);
  const count = useMemo(() => payload.rows.kind.filter((kind) => kind === "operation").length, [payload]);
  const { types } = filter;
  const set = (next: readonly string[]) => store.set({ filter: { ...filter, types: next } });
  return (
    <>
      <Action onPick={() => set([])}>All types</Action>
      {count > 0 && (
        <Choice
          single={false}
          on={operations}
          hint={formatCount(count)}
          onPick={() => store.set({ operations: !operations })}
        >
          Operations as rows
        </Choice>
      )}
      {counts.map(([type, count]) => {
        const on = types.includes(type);
        return (
          <Choice
            key={type}
            single={false}
            on={on}
            hint={formatCount(count)}
            onPick={() => set(on ? types.filter((other) => other !== type) : [...types, type])}
          >
            {type}
          </Choice>
        );
      })}
    </>
  );
}

function countTypes({ rows }: Payload, groups: boolean): [string, number][] {
  const counts = new Map<string, number>();
  const { parent } = treeOf(rows, groups);
  for (let row = 0; row < rows.length; row++) {
    if ((parent[row] ?? -1) < 0) continue;
    const type = rows.type[row] || rows.kind[row] || "";
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

function ColumnMenu(tools: ToolsProps) {
  return (
    <Menu label="Columns" text="Columns" icon="columns" title="Show and hide columns" class="is-quiet">
      <ColumnChoices {...tools} />
    </Menu>
  );
}

/** What the menu of columns holds: a column without any value, as MACs are of a checkpoint, is no choice. */
function ColumnChoices({ payload, all, shown }: ToolsProps) {
  const { store } = useDisplay();
  const offered = useMemo(() => all.filter((column) => says(column, payload)), [all, payload]);
  const toggle = (id: string) => {
    const on = shown.includes(id);
    // A column that comes back takes its place in the usual order, not the end.
    const next = all.map((column) => column.id).filter((other) => (other === id ? !on : shown.includes(other)));
    store.set({ columns: next });
  };
  const usual = defaultColumns(payload, store.state.extra_columns);
  return (
    <>
      {all
        .filter((column) => column.id !== "path" && (offered.includes(column) || shown.includes(column.id)))
        .map((column) => (
          <Choice key={column.id} single={false} on={shown.includes(column.id)} onPick={() => toggle(column.id)}>
            {column.label}
          </Choice>
        ))}
      <Action hint={`${usual.length}`} onPick={() => store.set({ columns: null })}>
        Usual columns
      </Action>
    </>
  );
}

function says(column: Column, { rows }: Payload): boolean {
  for (let row = 0; row < rows.length; row++) if (column.value(row) !== undefined) return true;
  return false;
}
