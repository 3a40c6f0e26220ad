// Totals of everything, and of what is filtered or selected.
import { useMemo } from "preact/hooks";
import { formatBytes, formatCount, shortCount } from "../format";
import { isRow } from "../outline";
import { matchingRows } from "../search";
import type { State } from "../state";
import { paramsOf } from "../totals";
import { rowIndex, treeOf } from "../tree";
import type { Payload } from "../wire";
import { useDisplay, useStore } from "./hooks";

export function Footer({ payload }: { payload: Payload }) {
  const { totals, macs_basis, optimizer } = payload.meta;
  return (
    <div class="nbviz-footer">
      <div class="nbviz-totals">
        <Total name="Total params" text={formatCount(totals.params)} />
        <Total name="Trainable" text={formatCount(totals.trainable_params)} />
        <Total name="Non-trainable" text={formatCount(totals.non_trainable_params)} />
        {(totals.buffers ?? 0) > 0 && <Total name="Buffers" text={formatCount(totals.buffers)} />}
        <Total name="Size" text={formatBytes(totals.bytes)} title={`${formatCount(totals.bytes)} bytes`} />
        {totals.macs !== null && (
          <Total
            name="MACs"
            text={shortCount(totals.macs)}
            title={`${formatCount(totals.macs)} multiply-accumulates ${macs_basis}`}
          />
        )}
        {optimizer && (
          <Total
            name="Optimizer"
            text={formatCount(optimizer.size)}
            title={`${optimizer.name}: ${formatBytes(optimizer.bytes)}, not part of any total`}
          />
        )}
      </div>
      <Chosen payload={payload} />
    </div>
  );
}

function Total({ name, text, title }: { name: string; text: string; title?: string }) {
  return (
    <span class="nbviz-total" title={title}>
      {name} <strong>{text}</strong>
    </span>
  );
}

function Chosen({ payload }: { payload: Payload }) {
  const { store } = useDisplay();
  const state = useStore(store, "selection", "filter", "groups", "operations");
  const { selection, filter, groups, operations } = state;
  const filtered = useMemo(() => filteredRows(payload, state), [payload, filter, groups, operations]);
  const index = rowIndex(payload.rows);
  const chosen = selection.flatMap((path) => index.get(path) ?? []);
  const params = (rows: readonly number[]) =>
    rows.length === 0 ? "" : ` · ${formatCount(paramsOf(payload, rows))} params`;
  return (
    <div class="nbviz-chosen" role="status">
      {filtered && (
        <span>
          {formatCount(filtered.length)} filtered{params(filtered)}
        </span>
      )}
      {selection.length > 0 && (
        <span>
          {formatCount(selection.length)} selected{params(chosen)}
        </span>
      )}
    </div>
  );
}

function filteredRows(payload: Payload, state: State): number[] | null {
  const { filter, groups } = state;
  const matches = matchingRows(payload, filter.text);
  if (!matches && filter.types.length === 0) return null;
  const { rows } = payload;
  const { parent } = treeOf(rows, groups);
  const found: number[] = [];
  for (let row = 0; row < rows.length; row++) {
    if ((parent[row] ?? -1) < 0 || !isRow(payload, state, row)) continue;
    if (matches && matches[row] !== 1) continue;
    if (filter.types.length > 0 && !filter.types.includes(rows.type[row] || rows.kind[row] || "")) continue;
    found.push(row);
  }
  return found;
}
