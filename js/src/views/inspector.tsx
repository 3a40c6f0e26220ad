// The inspector: everything that is known of what is selected.
import { callLabel, firstCall } from "../calls";
import { formatCount } from "../format";
import { selectOne } from "../select";
import { paramsOf } from "../totals";
import { rowIndex } from "../tree";
import type { Payload } from "../wire";
import { useDisplay, useStore } from "./hooks";
import { Icon } from "./icons";
import { CallDetails, RowDetails } from "./inspector-details";
import { Section } from "./inspector-parts";

export function Inspector({ payload, onClose }: { payload: Payload; onClose: () => void }) {
  const { store } = useDisplay();
  const { selection } = useStore(store, "selection", "focus", "extra_columns", "groups");
  return (
    // No landmark, nor are table and graph: a notebook with ten views would have thirty.
    // biome-ignore lint/a11y/useSemanticElements: <fieldset> is for the fields of a form
    <div class="nbviz-inspector" role="group" aria-label="Details of the selection">
      <button
        type="button"
        class="nbviz-button is-icon nbviz-close"
        aria-label="Close details"
        title="Close details (I)"
        onClick={onClose}
      >
        <Icon name="close" />
      </button>
      <div class="nbviz-inspector-body">
        {selection.length === 0 && (
          <p class="nbviz-hint">Select a layer in the table or the graph to see all of it here.</p>
        )}
        {selection.length === 1 && <One payload={payload} path={selection[0] ?? ""} />}
        {selection.length > 1 && <Several payload={payload} selection={selection} />}
      </div>
    </div>
  );
}

function One({ payload, path }: { payload: Payload; path: string }) {
  const row = rowIndex(payload.rows).get(path);
  if (row !== undefined) return <RowDetails key={path} payload={payload} row={row} />;
  const call = firstCall(payload, path);
  if (call !== null) return <CallDetails key={path} payload={payload} call={call} />;
  return <p class="nbviz-hint">Nothing in this model has the path {path}.</p>;
}

function Several({ payload, selection }: { payload: Payload; selection: readonly string[] }) {
  const { store } = useDisplay();
  const { rows } = payload;
  const index = rowIndex(rows);
  const chosen = selection.flatMap((path) => index.get(path) ?? []);
  const types = new Map<string, number>();
  for (const row of chosen) types.set(rows.type[row] || "group", (types.get(rows.type[row] || "group") ?? 0) + 1);
  return (
    <>
      <h2>{formatCount(selection.length)} selected</h2>
      <dl class="nbviz-facts">
        <dt>Params</dt>
        <dd title="Each weight counted once, also where selected layers lie inside each other">
          {formatCount(paramsOf(payload, chosen))}
        </dd>
        <dt>Types</dt>
        <dd>{[...types].map(([type, count]) => (count > 1 ? `${type} ×${count}` : type)).join(", ")}</dd>
      </dl>
      <Section title="Selected">
        <ul class="nbviz-links">
          {selection.slice(0, 200).map((path) => {
            const row = index.get(path);
            const call = firstCall(payload, path);
            const label = path || payload.meta.name;
            return (
              <li key={path}>
                <button type="button" class="nbviz-link" title={label} onClick={() => selectOne(store, path)}>
                  {row === undefined && call !== null ? callLabel(payload, call) : label.replaceAll("~", "")}
                </button>
                <span class="nbviz-hint">{row === undefined ? "" : formatCount(rows.params[row])}</span>
              </li>
            );
          })}
        </ul>
      </Section>
    </>
  );
}
