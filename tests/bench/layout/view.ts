// The way from a payload to boxes with places, as one module for node.
export { initialExpanded } from "../../../js/src/expansion";
export { LayoutCache } from "../../../js/src/layout";
export { arrange } from "../../../js/src/scene/arrange";
export { unitsOf } from "../../../js/src/scene/units";
export { decode } from "../../../js/src/wire";
