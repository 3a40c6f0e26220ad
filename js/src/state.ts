// What table, graph, inspector and Python share: plain values, known without a page.

export interface Sort {
  readonly id: string;
  readonly desc: boolean;
}

export interface Filter {
  readonly text: string;
  readonly types: readonly string[];
}

/** A user's own numbers (`view.add_column`), one value per row of the payload; null is unknown. */
export interface ExtraColumn {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly values: readonly (number | string | null)[];
}

/** Named as the traits of `ModelView` in Python: every field here is synced under the same name. */
export interface State {
  /** Paths. */
  readonly selection: readonly string[];
  /** Id of the call that was clicked; a shared layer has several. */
  readonly focus: number | null;
  /**
   * Paths of layers and ids of groups that are open in table and graph, and what `STACK_MARK` makes of stacks in the
   * graph; null: opened to `depth`.
   */
  readonly expanded: readonly string[] | null;
  readonly depth: number | "auto";
  readonly direction: "down" | "right";
  /** A key of the color menu: "params", "type", "dtype", "trainable", "macs", "bytes", "none" or an extra column's id. */
  readonly color_by: string;
  /** What the width of a line means: "bytes" of its tensor, or "none". */
  readonly edge_width: "none" | "bytes";
  /** Whether inferred groups are shown. */
  readonly groups: boolean;
  /** Whether bare operations are table rows. */
  readonly operations: boolean;
  /** Dims what does not match, in table and graph. */
  readonly search: string;
  /** Hides table rows that do not match. */
  readonly filter: Filter;
  readonly sort: readonly Sort[];
  /** Ids of the visible table columns in order; null: the default ones. */
  readonly columns: readonly string[] | null;
  readonly extra_columns: readonly ExtraColumn[];
  readonly title: string;
  /** Pixels; null: chosen by the content. */
  readonly height: number | null;
  /** Share of the width that the table takes, 0 (graph alone) to 1 (table alone). */
  readonly split: number;
}

export const DEFAULT_STATE: State = {
  selection: [],
  focus: null,
  expanded: null,
  depth: "auto",
  direction: "down",
  color_by: "params",
  edge_width: "none",
  groups: true,
  operations: true,
  search: "",
  filter: { text: "", types: [] },
  sort: [],
  columns: null,
  extra_columns: [],
  title: "",
  height: null,
  split: 0.48,
};
