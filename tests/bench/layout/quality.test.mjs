// node --test: what is counted, on drawings that a reader can check.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drawingOf, inputOf } from "./ours.mjs";
import { crossings, edgesThroughBoxes, outside, overlaps, quality } from "./quality.mjs";

const boxes = (...rows) => ({
  x: Float64Array.from(rows, ([x]) => x),
  y: Float64Array.from(rows, ([, y]) => y),
  width: Float64Array.from(rows, ([, , width]) => width),
  height: Float64Array.from(rows, ([, , , height]) => height),
  parent: Int32Array.from(rows, ([, , , , parent = -1]) => parent),
});
const drawn = (...routes) => ({
  edges: routes.map((_, i) => [2 * i, 2 * i + 1]),
  routes: routes.map((route) => Float64Array.from(route)),
});

test("two lines that cross are one crossing, whatever their direction", () => {
  assert.equal(crossings(drawn([0, 0, 10, 10], [10, 0, 0, 10])), 1);
  assert.equal(crossings(drawn([10, 10, 0, 0], [10, 0, 0, 10])), 1);
  assert.equal(crossings(drawn([0, 5, 10, 5], [5, 0, 5, 10])), 1);
  assert.equal(crossings(drawn([0, 0, 10, 10], [0, 1, 9, 10])), 0);
});

test("a crossing in a bend is one, and a bend that only touches is none or two", () => {
  assert.equal(crossings(drawn([0, 0, 5, 5, 12, 10], [10, 0, 0, 10])), 1);
  assert.equal(crossings(drawn([0, 0, 5, 5, 0, 10], [5, 0, 5, 10])) % 2, 0);
});

test("edges of one tensor that share a way and part do not cross, and cross a third each", () => {
  const shared = {
    edges: [
      [0, 1],
      [0, 2],
    ],
    routes: [
      [0, 0, 0, 50, -9, 60],
      [0, 0, 0, 50, 0, 80, 9, 90],
    ],
  };
  shared.routes = shared.routes.map((route) => Float64Array.from(route));
  assert.equal(crossings(shared), 0);
  const third = { edges: [...shared.edges, [3, 4]], routes: [...shared.routes, Float64Array.of(-9, 20, 9, 30)] };
  assert.equal(crossings(third), 2);
});

test("siblings overlap when they share an area, and children have to be inside", () => {
  const around = [0, 0, 100, 100];
  assert.equal(overlaps(boxes(around, [10, 10, 20, 20, 0], [29, 10, 20, 20, 0])), 1);
  assert.equal(overlaps(boxes(around, [10, 10, 20, 20, 0], [30, 10, 20, 20, 0])), 0);
  assert.equal(outside(boxes(around, [10, 10, 20, 20, 0], [90, 10, 20, 20, 0])), 1);
});

test("an edge goes through boxes that are neither its ends nor around them", () => {
  const places = boxes([0, 0, 100, 300], [40, 10, 20, 20, 0], [40, 100, 20, 20, 0], [40, 200, 20, 20, 0]);
  const straight = { boxes: places, edges: [[1, 3]], routes: [Float64Array.of(50, 30, 50, 200)] };
  assert.equal(edgesThroughBoxes(straight), 1);
  const beside = { ...straight, routes: [Float64Array.of(50, 30, 70, 60, 70, 160, 50, 200)] };
  assert.equal(edgesThroughBoxes(beside), 0);
  const along = { ...straight, routes: [Float64Array.of(50, 30, 60, 100, 60, 120, 50, 200)] };
  assert.equal(edgesThroughBoxes(along), 0);
});

test("edges through boxes are found among many as by looking at every box", () => {
  const rows = Array.from({ length: 3000 }, (_, i) => [(i % 50) * 30, Math.floor(i / 50) * 30, 20, 20]);
  const routes = Array.from({ length: 200 }, (_, i) => Float64Array.of(i * 7, 0, (i * 37) % 1500, 1800));
  const edges = routes.map(() => [0, 0]);
  const together = edgesThroughBoxes({ boxes: boxes(...rows), edges, routes });
  const alone = rows.slice(1).map((row) => edgesThroughBoxes({ boxes: boxes([0, 0, 0, 0], row), edges, routes }));
  assert.equal(
    together,
    alone.reduce((a, b) => a + b, 0),
  );
  assert.ok(together > 1000);
});

test("curves are measured along their way", () => {
  const graph = { nodes: [{ width: 10, height: 10, group: -1 }], edges: [[0, 0]], groups: [] };
  const quarter = 0.5522847498;
  const layout = {
    ...boxes([0, 0, 10, 10]),
    routes: Float64Array.of(100, 0, 100, 100 * quarter, 100 * quarter, 100, 0, 100),
    routeOffsets: Int32Array.of(0, 8),
  };
  const { length } = quality(drawingOf(inputOf(graph, false), layout));
  assert.ok(Math.abs(length - 50 * Math.PI) < 1, `${length}`);
});
