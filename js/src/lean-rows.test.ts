import {
  createTable,
  getCoreRowModel,
  getFilteredRowModel,
  getSortedRowModel,
  type Row,
  type TableOptionsResolved,
} from "@tanstack/table-core";
import { expect, it } from "vitest";
import { leanCoreRowModel } from "./lean-rows";

type Core = TableOptionsResolved<number>["getCoreRowModel"];

function arranged(core: Core, sorting: { id: string; desc: boolean }[], least: number): number[] {
  const table = createTable<number>({
    data: [30, 11, 20, 12, 21, 10],
    columns: [
      {
        id: "tens",
        accessorFn: Number,
        sortingFn: (a: Row<number>, b: Row<number>) => Math.floor(a.original / 10) - Math.floor(b.original / 10),
      },
      {
        id: "ones",
        accessorFn: Number,
        sortingFn: (a: Row<number>, b: Row<number>) => (a.original % 10) - (b.original % 10),
      },
    ].map((column) => ({ ...column, sortUndefined: false })),
    state: {},
    onStateChange: () => {},
    autoResetAll: false,
    renderFallbackValue: null,
    getCoreRowModel: core,
    getFilteredRowModel: getFilteredRowModel(),
    getSortedRowModel: getSortedRowModel(),
    getColumnCanGlobalFilter: ({ id }) => id === "tens",
    globalFilterFn: (row, _id, value: number) => row.original >= value,
  });
  table.setOptions((previous) => ({ ...previous, state: { ...table.initialState, sorting, globalFilter: least } }));
  return table.getRowModel().rows.map((row) => row.original);
}

it("filters and sorts as with rows of the library's own", () => {
  const tens = { id: "tens", desc: true };
  const ones = { id: "ones", desc: false };
  for (const sorting of [[], [tens], [ones], [tens, ones], [ones, tens]]) {
    for (const least of [0, 12]) {
      expect(arranged(leanCoreRowModel, sorting, least)).toEqual(arranged(getCoreRowModel(), sorting, least));
    }
  }
  expect(arranged(leanCoreRowModel, [tens, ones], 12)).toEqual([30, 20, 21, 12]);
});
