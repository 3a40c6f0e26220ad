// One row of the table.
import { useMemo } from "preact/hooks";
import { isIdle } from "../calls";
import type { Column } from "../columns";
import type { Payload } from "../wire";
import { badgesOf } from "./badges";
import { Icon } from "./icons";

export interface RowProps {
  readonly id: string;
  readonly payload: Payload;
  readonly columns: readonly Column[];
  readonly row: number;
  /** Position among the shown rows. */
  readonly index: number;
  readonly top: number;
  readonly depth: number;
  /** null when there is nothing inside. */
  readonly open: boolean | null;
  readonly flat: boolean;
  readonly selected: boolean;
  /** It is selected, or an operation in it that has no row of its own. */
  readonly holding: boolean;
  readonly current: boolean;
  readonly hovered: boolean;
  readonly dimmed: boolean;
  readonly failed: boolean;
}

/**
 * The events of rows are heard by the body, which reads `data-row` and `data-toggle`. Drawn again where something of it has
 * changed: of all rows, a step of the selection or of the pointer changes two.
 */
export function TableRow(props: RowProps) {
  return useMemo(() => drawn(props), Object.values(props));
}

function drawn(props: RowProps) {
  const { columns, row, index, top, depth, open, flat, selected } = props;
  const [name, ...rest] = columns;
  return (
    <div
      class={rowClass(props)}
      id={props.id}
      role="row"
      tabIndex={-1}
      data-row={row}
      aria-rowindex={index + 2}
      aria-level={flat ? undefined : depth + 1}
      aria-expanded={flat || open === null ? undefined : open}
      aria-selected={selected}
      style={{ transform: `translateY(${top}px)` }}
    >
      {name && <NameCell {...props} title={name.exact(row)} />}
      {rest.map((column) => (
        <Cell key={column.id} column={column} row={row} />
      ))}
    </div>
  );
}

function rowClass({ payload, row, selected, holding, current, hovered, dimmed }: RowProps): string {
  const names = ["nbviz-row", `nbviz-kind-${payload.rows.kind[row]}`];
  if (selected) names.push("is-selected");
  if (holding) names.push("is-holding");
  if (current) names.push("is-current");
  if (hovered) names.push("is-hovered");
  if (dimmed) names.push("is-dimmed");
  if (isIdle(payload, row)) names.push("is-uncalled");
  return names.join(" ");
}

function NameCell({ payload, columns, row, depth, open, flat, failed, title }: RowProps & { title: string }) {
  const { rows, meta } = payload;
  const path = rows.path[row] ?? "";
  const label = rows.label[row] || meta.name;
  const [before, rest] = flat ? split(path || label, label) : split(label, label.slice(sharedPrefix(rows, row)));
  const group = rows.kind[row] === "group";
  // "0" says nothing: what it is stands beside it, unless it has a column of its own.
  const bare = /^\d+$/.test(label) && !columns.some(({ id }) => id === "type");
  const type = bare ? rows.type[row] : "";
  const tip = group ? `${path.replaceAll("~", "")}: group inferred from the layers' names` : title;
  return (
    <div
      class={`nbviz-cell nbviz-name${flat ? " is-flat" : ""}`}
      style={flat ? undefined : { "--nbviz-depth": depth }}
      role="rowheader"
      title={tip}
    >
      {!flat && (
        <span class="nbviz-chevron" data-toggle={open === null ? undefined : ""}>
          {open !== null && <Icon name={open ? "down" : "right"} />}
        </span>
      )}
      <span class={`nbviz-words${type ? " is-bare" : ""}`}>
        {before && <span class="nbviz-before">{before.replaceAll("~", "")}</span>}
        <Label text={rest.replace(/^~/, "")} />
        {type && <span class="nbviz-after">{type}</span>}
      </span>
      {badgesOf(payload, row, failed).map(({ text, title, error }) => (
        <span key={text} class={`nbviz-badge${error ? " is-error" : ""}`} title={title}>
          {text}
        </span>
      ))}
    </div>
  );
}

/** A name; the number at its end, which tells it from others, stays where the rest is cut. */
function Label({ text }: { text: string }) {
  const [, stem, number] = /^(.{3,}?)([_.#[-]?\d{1,5}\]?)$/.exec(text) ?? [];
  if (!stem) return <span class="nbviz-label">{text}</span>;
  return (
    <span class="nbviz-label is-numbered">
      <span class="nbviz-stem">{stem}</span>
      {number}
    </span>
  );
}

/** What comes before `end`, which gives way first where there is no room, and `end`. */
function split(text: string, end: string): [string, string] {
  return text.endsWith(end) ? [text.slice(0, text.length - end.length), end] : ["", text];
}

/** How much of a label only repeats the names of the groups around it: "conv2_block1_" of "conv2_block1_2_conv". */
function sharedPrefix(rows: Payload["rows"], row: number): number {
  const group = rows.path[rows.group[row] ?? -1];
  if (group === undefined || rows.kind[row] === "group") return 0;
  const names = group.slice(group.lastIndexOf("~") + 1).replaceAll("/", "_");
  const label = rows.label[row] ?? "";
  return label.startsWith(names) && label.length > names.length + 1 ? names.length + 1 : 0;
}

function Cell({ column, row }: { column: Column; row: number }) {
  const share = column.bar?.(row) ?? 0;
  const text = column.text(row);
  const names = ["nbviz-cell", `nbviz-${column.align}`];
  if (column.mono) names.push("nbviz-mono");
  if (text === "–" || text === "0") names.push("is-nothing");
  if (share > 0) names.push("has-bar");
  return (
    <div
      class={names.join(" ")}
      style={share > 0 ? { "--nbviz-bar": `${Math.max(share * 100, 1)}%` } : undefined}
      role="gridcell"
      title={column.exact(row)}
    >
      {text}
    </div>
  );
}
