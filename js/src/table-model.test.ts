import { describe, expect, it } from "vitest";
import { columnsOf, defaultColumns } from "./columns";
import { DEFAULT_STATE, type State } from "./state";
import { nextSort, TableModel } from "./table-model";
import { operationsPayload, testPayload } from "./testing";
import { allRows, treeOf } from "./tree";

const payload = testPayload();
const columns = columnsOf(payload, []);
const model = new TableModel(payload);
const shown = (state: Partial<State>) => {
  const { rows, flat } = model.shown(columns, { ...DEFAULT_STATE, expanded: [], ...state });
  return { paths: rows.map((row) => payload.rows.path[row]), flat };
};

describe("the table's rows", () => {
  it("are the open tree while nothing is sorted or filtered", () => {
    expect(shown({})).toEqual({ paths: ["", "encoder", "~head", "spare"], flat: false });
  });

  it("are a flat list without the root once sorted, unknown values last either way", () => {
    const descending = shown({ sort: [{ id: "macs", desc: true }] });
    expect(descending.flat).toBe(true);
    expect(descending.paths[0]).toBe("encoder");
    expect(descending.paths).not.toContain("");
    for (const desc of [true, false]) {
      const last = shown({ sort: [{ id: "macs", desc }] }).paths.slice(-2);
      expect(new Set(last)).toEqual(new Set(["~head", "head_10"]));
    }
  });

  it("sort names as people count, and by a second key", () => {
    const { paths } = shown({ sort: [{ id: "path", desc: false }], filter: { text: "head", types: ["Dense"] } });
    expect(paths).toEqual(["head_1", "head_10"]);
    const two = shown({
      sort: [
        { id: "params", desc: true },
        { id: "path", desc: true },
      ],
      filter: { text: "", types: ["Dense"] },
    });
    expect(two.paths).toEqual(["head_10", "head_1", "spare"]);
  });

  it("leave what is unknown to the next key, and else in its order", () => {
    const mine = { id: "mine", label: "Mine", unit: "", values: payload.rows.path.map(() => null) };
    const unknown = columnsOf(payload, [mine]);
    const sorted = (...sort: State["sort"]) => model.shown(unknown, { ...DEFAULT_STATE, sort }).rows;
    const params = { id: "params", desc: true };
    for (const desc of [true, false]) {
      expect(sorted({ id: "mine", desc })).toEqual(allRows(treeOf(payload.rows, true)).slice(1));
      expect(sorted({ id: "mine", desc }, params)).toEqual(sorted(params));
    }
  });

  it("leave operations out unless they are switched on, or their type is asked for", () => {
    const mixed = operationsPayload();
    const model = new TableModel(mixed);
    const pathsOf = (state: Partial<State>) =>
      model
        .shown(columns, { ...DEFAULT_STATE, expanded: ["encoder"], operations: false, ...state })
        .rows.map((row) => mixed.rows.path[row]);
    expect(pathsOf({})).toEqual(["", "encoder", "~head", "spare"]);
    expect(pathsOf({ operations: true })).toContain("encoder/conv");
    expect(pathsOf({ filter: { text: "", types: ["Conv2D"] } })).toEqual(["encoder/conv"]);
    expect(pathsOf({ filter: { text: "conv", types: [] } })).toEqual([]);
  });

  it("follow a column that gets other values", () => {
    const first = (values: number[]) => {
      const mine = columnsOf(payload, [{ id: "mine", label: "Mine", unit: "", values }]);
      return model.shown(mine, { ...DEFAULT_STATE, sort }).rows[0];
    };
    const sort = [{ id: "mine", desc: true }];
    expect(first([0, 1, 2, 9, 3, 4, 5, 6])).toBe(3);
    expect(first([0, 9, 2, 1, 3, 4, 5, 6])).toBe(1);
  });

  it("keep only the types that are chosen", () => {
    expect(shown({ filter: { text: "", types: ["Conv2D", "Norm"] } }).paths).toEqual(["encoder/conv", "encoder/norm"]);
  });
});

describe("a click on a heading", () => {
  const [params, type] = ["params", "type"].map((id) => columns.find((column) => column.id === id));
  if (!params || !type) throw new Error("columns are missing");

  it("goes through three states", () => {
    const first = nextSort([], params, false);
    expect(first).toEqual([{ id: "params", desc: true }]);
    const second = nextSort(first, params, false);
    expect(second).toEqual([{ id: "params", desc: false }]);
    expect(nextSort(second, params, false)).toEqual([]);
  });

  it("adds a second key with shift, and replaces without", () => {
    const first = nextSort([], params, false);
    expect(nextSort(first, type, true).map((key) => key.id)).toEqual(["params", "type"]);
    expect(nextSort(first, type, false)).toEqual([{ id: "type", desc: false }]);
  });
});

it("shows MACs by default only where they are known", () => {
  expect(defaultColumns(payload, [])).toContain("macs");
  const unknown = testPayload({ totals: { ...payload.meta.totals, macs: null } });
  expect(defaultColumns(unknown, [])).not.toContain("macs");
});
