// What `plot_model` changes in a picture: plates that say what Keras says, nothing that Keras leaves out, and its
// directions. Python words the plates (`plates.py`).
import type { Direction, Layout } from "../layout";
import type { Units } from "./units";
import { OPEN, type Visible } from "./visible";
import { textWidth } from "./widths";

/** What a box says in place of the scene's own words. */
export interface Plate {
  /** Otherwise it is an operation, an input or a constant. */
  readonly layer: boolean;
  /** null where names are not shown. */
  readonly name: string | null;
  readonly type: string;
  readonly activation: string | null;
  readonly cells: readonly (readonly [label: string, text: string])[];
  /** null where it has no weights, or this is not shown. */
  readonly trainable: boolean | null;
}

export interface Plot {
  /** By the key of the unit, see `Units.key`. */
  readonly plates: Readonly<Record<string, Plate>>;
  /** Calls that are not shown. */
  readonly hidden: readonly number[];
  /** Whether equal siblings are one box. */
  readonly stacks: boolean;
  /** Whether the data flows the other way: up, or to the left. */
  readonly mirrored: boolean;
}

export const TITLE = 30;
export const LINE = 19;
export const TITLE_SIZE = 13;
export const CELL_SIZE = 11.5;
export const VALUE_SIZE = 11;
export const PLATE_PAD = 12;
const LEAST_WIDTH = 96;
const MAX_WIDTH = 460;
/** Between what a cell is and what it says. */
const GAP = 12;

/** The plate of a box, null where it keeps the scene's words: frames and stubs. Of a stack, that of its first member. */
export function plateOf(
  { plates }: Plot,
  units: Units,
  visible: Visible,
  b: number,
  words: { readonly name: string },
): Plate | null {
  if (visible.kind[b] === OPEN || b >= visible.stubs.first) return null;
  const u = visible.unit[b] as number;
  if (u < units.stacks) return plates[units.key(u)] ?? null;
  const plate = plates[units.key(units.order[(units.start[u] as number) + 1] as number)];
  return plate ? { ...plate, name: plate.name && words.name } : null;
}

/** What stands below the title, activation first. */
export function cellsOf({ activation, cells }: Plate): Plate["cells"] {
  return activation === null ? cells : [["Activation", activation], ...cells];
}

/** What stands at the right end of a title. */
export function trainedMark({ trainable }: Plate): string {
  return trainable === null ? "" : trainable ? "Trainable" : "Non-trainable";
}

/** Where values begin, from the left side of a plate. */
export function valueColumn(plate: Plate): number {
  const widest = Math.max(0, ...cellsOf(plate).map(([label]) => textWidth(label, CELL_SIZE, "regular")));
  return PLATE_PAD + Math.ceil(widest) + GAP;
}

/** Texts of a title: the name and the type, or the type alone. */
export function titleOf({ name, type }: Plate): { readonly bold: string; readonly plain: string } {
  return name === null ? { bold: type, plain: "" } : { bold: name, plain: type };
}

export function plateSize(plate: Plate, repeatRoom: number): { width: number; height: number } {
  const cells = cellsOf(plate);
  const { bold, plain } = titleOf(plate);
  const mark = trainedMark(plate);
  const title =
    textWidth(bold, TITLE_SIZE, "bold") +
    (plain ? 8 + textWidth(plain, CELL_SIZE, "regular") : 0) +
    (mark ? 20 + textWidth(mark, CELL_SIZE, "regular") : 0) +
    repeatRoom;
  const values = Math.max(0, ...cells.map(([, text]) => textWidth(text, VALUE_SIZE, "mono")));
  const body = cells.length > 0 ? valueColumn(plate) - PLATE_PAD + values : 0;
  const width = Math.min(MAX_WIDTH, Math.max(LEAST_WIDTH, title + 2 * PLATE_PAD, body + 2 * PLATE_PAD));
  return {
    width: 2 * Math.ceil(width / 2),
    height: TITLE + (cells.length > 0 ? LINE * cells.length + 9 : 0),
  };
}

/** The same drawing with the flow the other way. */
export function mirror(layout: Layout, direction: Direction): Layout {
  const down = direction === "down";
  const flip = (places: Float64Array, sizes: Float64Array | null, total: number): Float64Array =>
    places.map((at, i) => total - at - (sizes?.[i] ?? 0));
  const { totalWidth, totalHeight, routes } = layout;
  return {
    ...layout,
    x: down ? layout.x : flip(layout.x, layout.width, totalWidth),
    y: down ? flip(layout.y, layout.height, totalHeight) : layout.y,
    routes: routes.map((at, i) => ((i % 2 === 1) === down ? (down ? totalHeight : totalWidth) - at : at)),
    labelX: down ? layout.labelX : flip(layout.labelX, null, totalWidth),
    labelY: down ? flip(layout.labelY, null, totalHeight) : layout.labelY,
  };
}
