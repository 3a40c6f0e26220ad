import { expect, it } from "vitest";
import { columnsOf, shownColumns } from "../columns";
import { sharedBlock } from "../scene/testing";
import { contentWidth, fitting, template } from "./widths";

it("leaves out whole columns where there is no room, the shape last and never the parameters", () => {
  const payload = sharedBlock();
  const all = columnsOf(payload, []);
  const usual = shownColumns(all, ["path", "type", "output_shape", "params", "macs"]);
  const natural = new Map(all.map((column) => [column.id, contentWidth(column, payload.rows.length)]));
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
  expect(at(300)).toBe("minmax(100px, 1fr) 170px 116px");
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
