// The graph as a picture without a page: what Python asks an embedded V8 for.
import { hiding, openPaths } from "./outline";
import { buildGraph, DARK, dimmedBoxes, LIGHT, lookOf, markedBoxes, type Plot, sceneToSvg, type Theme } from "./scene";
import { inPieces } from "./scene/pieces";
import { inOne } from "./scene/svg";
import { matchingRows } from "./search";
import { DEFAULT_STATE, type State } from "./state";
import { decode } from "./wire";

/** Fonts whose widths keep to the bundled table, first those that Python draws pictures with. */
const FONTS: Pick<Theme, "font" | "mono"> = {
  font: "FiraGO, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif",
  mono: "'Fira Mono', Menlo, Consolas, 'Liberation Mono', monospace",
};

const THEMES: Readonly<Record<string, Theme>> = { light: { ...LIGHT, ...FONTS }, dark: { ...DARK, ...FONTS } };

/** What a picture shows, as JSON. */
export interface PictureWish {
  /** The view's state; what is left out is as in a new view. */
  readonly state: Partial<State>;
  readonly theme: "light" | "dark";
  /** How `plot_model` draws it; absent: as views do. */
  readonly plot?: Plot;
  /** Into how many columns a long drawing flows; rows where it runs to the right. */
  readonly columns?: number;
}

/** An SVG document of what a view with this state shows; `payload` as it is on the wire, uncompressed. */
export function svg(payload: ArrayBuffer, wish: string): string {
  const { state: chosen, theme, plot, columns = 1 } = JSON.parse(wish) as PictureWish;
  const model = decode(new Uint8Array(payload));
  const state: State = { ...DEFAULT_STATE, ...chosen };
  const open = new Set([...openPaths(model, state), ...hiding(model, state)]);
  const graph = buildGraph(model, open, state.groups, state.direction, plot);
  const look = lookOf(graph, state, THEMES[theme] as Theme);
  const matching = matchingRows(model, state.search);
  const dimmed = matching && dimmedBoxes(graph, matching, state.search);
  const marks = markedBoxes(graph, state.selection, state.focus, dimmed);
  const inColumns: typeof inOne = (...drawn) => inPieces(...drawn, columns);
  return sceneToSvg(graph, look, marks, state.title || model.meta.name, columns > 1 ? inColumns : inOne);
}
