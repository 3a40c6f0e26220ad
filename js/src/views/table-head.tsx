// The headings: a click sorts (three states, shift for a second key), the edge resizes.
import type { Column } from "../columns";
import type { State } from "../state";

interface HeadProps {
  readonly columns: readonly Column[];
  readonly sort: State["sort"];
  onSort(column: Column, add: boolean): void;
  /** null: back to what fits the content. */
  onResize(id: string, width: number | null): void;
}

export function TableHead({ columns, sort, onSort, onResize }: HeadProps) {
  return (
    <div class="nbviz-head" role="row" aria-rowindex={1}>
      {columns.map((column) => {
        const at = sort.findIndex((key) => key.id === column.id);
        const key = sort[at];
        return (
          <div
            key={column.id}
            class={`nbviz-heading nbviz-${column.align}`}
            role="columnheader"
            aria-sort={key ? (key.desc ? "descending" : "ascending") : "none"}
          >
            <button
              type="button"
              class="nbviz-sort"
              title={`${column.title}\nClick to sort, again to turn round, again for the model's order; Shift for a second key`}
              onClick={(event) => onSort(column, event.shiftKey)}
            >
              <span class="nbviz-heading-text">{column.label}</span>
              <span class="nbviz-arrow" aria-hidden="true">
                {key ? (key.desc ? "↓" : "↑") : ""}
                {key && sort.length > 1 ? at + 1 : ""}
              </span>
            </button>
            <Grip id={column.id} onResize={onResize} />
          </div>
        );
      })}
    </div>
  );
}

function Grip({ id, onResize }: { id: string; onResize: HeadProps["onResize"] }) {
  return (
    <span
      class="nbviz-grip"
      aria-hidden="true"
      title="Drag to resize; double click fits the content"
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        const left = event.currentTarget.parentElement?.getBoundingClientRect().left ?? event.clientX;
        onResize(id, Math.max(event.clientX - left, 48));
      }}
      onDblClick={() => onResize(id, null)}
    />
  );
}
