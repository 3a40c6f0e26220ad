import { expect, it } from "vitest";
import { type Column, columnsOf, shownColumns } from "../columns";
import { payloadOf, sharedBlock } from "../scene/testing";
import { treeOf } from "../tree";
import { contentWidth, fitting, nameWidth, sampleOf, template } from "./widths";

it("leaves out whole columns where there is no room, the shape last and never the parameters", () => {
  const payload = sharedBlock();
  const all = columnsOf(payload, []);
  const usual = shownColumns(all, ["path", "type", "output_shape", "params", "macs"]);
  const natural = new Map(
    all.map((column) => [
      column.id,
      contentWidth(
        column,
        sampleOf(payload.rows.length, () => true),
      ),
    ]),
  );
  const at = (width: number) => fitting(usual, natural, width).map(({ id }) => id);
  expect(at(900)).toEqual(["path", "type", "output_shape", "params", "macs"]);
  expect(at(500)).toEqual(["path", "output_shape", "params", "macs"]);
  expect(at(360)).toEqual(["path", "output_shape", "params"]);
  expect(at(300)).toEqual(["path", "params"]);
});

it("narrows the names before a number would be cut in two", () => {
  const columns = shownColumns(columnsOf(sharedBlock(), []), ["path", "output_shape", "params"]);
  const natural = new Map([
    ["output_shape", 170],
    ["params", 116],
  ]);
  const at = (width: number) => template(columns, { dragged: new Map(), natural, width });
  expect(at(600)).toBe("minmax(136px, 1fr) 170px 116px");
  expect(at(424)).toBe("minmax(124px, 1fr) 170px 116px");
  expect(at(400)).toBe("minmax(100px, 1fr) 170px 116px");
});

it("leaves the names their room where one has to scroll for the numbers anyway", () => {
  const columns = shownColumns(columnsOf(sharedBlock(), []), ["path", "output_shape", "params", "macs"]);
  const natural = new Map([
    ["path", 180],
    ["output_shape", 170],
    ["params", 116],
    ["macs", 150],
  ]);
  const at = (path: number) =>
    template(columns, { dragged: new Map(), natural: new Map([...natural, ["path", path]]), width: 450 });
  expect(at(180)).toBe("minmax(180px, 1fr) 170px 116px 150px");
  expect(at(90)).toBe("minmax(136px, 1fr) 170px 116px 150px");
  expect(at(900)).toBe("minmax(200px, 1fr) 170px 116px 150px");
});

it("gives types what names leave, however short these are", () => {
  const columns = shownColumns(columnsOf(sharedBlock(), []), ["path", "type", "output_shape"]);
  const natural = new Map([
    ["path", 90],
    ["type", 180],
    ["output_shape", 140],
  ]);
  const widths = template(columns, { dragged: new Map(), natural, width: 440 }).match(/\d+(?=px)/g) ?? [];
  expect(widths.map(Number).reduce((a, b) => a + b)).toBeLessThanOrEqual(440 - 14);
});

it("gives a column what its texts want, letter by letter", () => {
  const column = (text: string) => ({ ...(columnsOf(sharedBlock(), [])[0] as Column), label: "", text: () => text });
  const [narrow, wide] = ["illicit filler", "WOMMWOMMWOMMWO"].map((text) => contentWidth(column(text), [0]));
  expect(narrow).toBeLessThan(0.6 * (wide as number));
});

it("asks nothing for rows that the table does not show, and looks at some of very many", () => {
  expect(sampleOf(5, (row) => row !== 2)).toEqual([0, 1, 3, 4]);
  const some = sampleOf(100_000, (row) => row % 2 === 1);
  expect(some.length).toBeLessThanOrEqual(1500);
  expect(some.every((row) => row % 2 === 1)).toBe(true);
  expect(Math.max(...some)).toBeGreaterThan(99_000);
});

it("finds every row of blocks that repeat", () => {
  for (const block of [2, 7, 21, 40]) {
    const rows = 1500 * block;
    const found = new Set(sampleOf(rows, () => true).map((row) => row % block));
    expect(found.size).toBe(block);
  }
});

it("counts what is marked beside a name", () => {
  const named = (calls: number) => {
    const row = { path: "block", type: "Block", params: 1 };
    const payload = payloadOf([row, { ...row, path: "other" }], Array(calls).fill({ path: "block" }), []);
    return nameWidth(payload, treeOf(payload.rows, true).depth, [1]);
  };
  expect(named(2)).toBeGreaterThan(named(1) + 20);
  expect(named(0)).toBeGreaterThan(named(1) + 60);
});

it("leaves out the dtype of a checkpoint's tensors before a number is cut in two", () => {
  const columns = ["path", "param_shape", "param_dtype", "params", "bytes"];
  const usual = shownColumns(columnsOf(sharedBlock(), []), columns);
  const natural = new Map(usual.map(({ id }) => [id, 100]));
  const at = (width: number) => fitting(usual, natural, width).map(({ id }) => id);
  expect(at(560)).toEqual(columns);
  expect(at(450)).toEqual(["path", "param_shape", "params", "bytes"]);
});

it("shows types where shapes are too wide", () => {
  const usual = shownColumns(columnsOf(sharedBlock(), []), ["path", "type", "output_shape", "params", "macs"]);
  const natural = new Map(usual.map(({ id }) => [id, id === "output_shape" ? 240 : 100]));
  const at = (width: number) => fitting(usual, natural, width).map(({ id }) => id);
  expect(at(460)).toEqual(["path", "output_shape", "params"]);
  expect(at(400)).toEqual(["path", "type", "params"]);
  expect(at(300)).toEqual(["path", "params"]);
});
