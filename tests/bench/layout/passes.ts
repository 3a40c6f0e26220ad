// What is needed to lay the frames of a graph out pass by pass, as one module for node.
export { LayoutCache, layout } from "../../../js/src/layout";
export { planFrame } from "../../../js/src/layout/frame";
export { readProblem } from "../../../js/src/layout/signature";
