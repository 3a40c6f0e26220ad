// What views may use of the scene.

export { type Arrangement, arrange, arranging, type Wish } from "./arrange";
export type { Command, Item } from "./commands";
export { type Box, HEADER as FRAME_TITLE } from "./describe";
export { boundsOf, boxesOf, buildGraph, findBox, type Graph, graphOf } from "./graph";
export { boxIn, depthOf, keyOf, pathOf, pathsOf } from "./identity";
export { drawLegend } from "./legend";
export { dimmedBoxes, markedBoxes } from "./marks";
export type { Plot } from "./plot";
export {
  drawScene,
  type Look,
  lookOf,
  type Marks,
  PLAIN_LOOK,
  tintOf,
} from "./scene";
export { sceneToSvg, toElement } from "./svg";
export { DARK, LIGHT, type Theme } from "./theme";
export { unitsOf } from "./units";
export { FOLDED, LEAF, OPEN, STACK, STUB, sourceOf } from "./visible";
export { REFERENCE_BOLD_WIDTH, REFERENCE_TEXT, REFERENCE_WIDTH } from "./widths";
