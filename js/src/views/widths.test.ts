import { expect, it } from "vitest";
import { columnsOf, shownColumns } from "../columns";
import { sharedBlock } from "../scene/testing";
import { contentWidth, fitting } from "./widths";

it("leaves out whole columns where there is no room, never the shape or the parameters", () => {
  const payload = sharedBlock();
  const all = columnsOf(payload, []);
  const usual = shownColumns(all, ["path", "type", "output_shape", "params", "macs"]);
  const natural = new Map(all.map((column) => [column.id, contentWidth(column, payload.rows.length)]));
  const at = (width: number) => fitting(usual, natural, width).map(({ id }) => id);
  expect(at(900)).toEqual(["path", "type", "output_shape", "params", "macs"]);
  expect(at(500)).toEqual(["path", "output_shape", "params", "macs"]);
  expect(at(360)).toEqual(["path", "output_shape", "params"]);
});
