// The drawing language: few shapes, every color resolved, so that each backend is a page of code.

export interface Rect {
  readonly kind: "rect";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly radius: number;
  readonly fill: string;
  readonly stroke: string;
  readonly strokeWidth: number;
  readonly dash?: string;
}

/** A start point and cubic pieces, as in `Layout.routes`; or a closed polygon. */
export interface Path {
  readonly kind: "path";
  readonly curve: Float64Array | readonly number[];
  readonly closed?: boolean;
  readonly fill: string;
  readonly stroke: string;
  readonly strokeWidth: number;
  readonly dash?: string;
}

export interface Text {
  readonly kind: "text";
  readonly x: number;
  /** Of the baseline. */
  readonly y: number;
  readonly text: string;
  readonly size: number;
  readonly face: "regular" | "bold" | "mono";
  readonly anchor: "start" | "middle" | "end";
  readonly fill: string;
  /** Drawn around the letters, where lines may pass behind them. */
  readonly halo?: string;
  /** A part of the item with a meaning of its own when clicked. */
  readonly part?: "toggle";
}

export type Command = Rect | Path | Text;

/** What belongs together: one box, edge or label. */
export interface Item {
  readonly key: string;
  readonly layer: Layer;
  /** Number of the box, or of the edge. */
  readonly index: number;
  readonly commands: readonly Command[];
}

/** Drawn in this order. */
export type Layer = "frame" | "edge" | "header" | "node" | "link" | "label";

export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
