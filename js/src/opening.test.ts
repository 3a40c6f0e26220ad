import { describe, expect, it } from "vitest";
import { revealSelection, setOpen } from "./opening";
import { openPaths } from "./outline";
import { equalBlocks } from "./scene/testing";
import { DEFAULT_STATE } from "./state";
import { Store } from "./store";

function storeOf(expanded: readonly string[]): Store {
  const store = new Store({ ...DEFAULT_STATE, expanded });
  store.setPayload(equalBlocks(4));
  revealSelection(store, new AbortController().signal);
  return store;
}

const open = (store: Store): string[] => [...openPaths(equalBlocksOf(store), store.state)];
const equalBlocksOf = (store: Store) => store.payload ?? equalBlocks(4);
const MEMBERS = ["block_0", "block_1", "block_2", "block_3"];

describe("stacks in the outline", () => {
  it("open when something in them is open, whoever opened it", () => {
    expect(open(storeOf(["block_2"]))).toEqual(["block_2", "≡block_0"]);
  });

  it("close with their members", () => {
    const store = storeOf(["≡block_0", "block_2"]);
    setOpen(store, ["≡block_0"], false);
    expect(open(store)).toEqual([]);
  });

  it("open to show a member that was selected, but not when all of them were", () => {
    const store = storeOf([]);
    store.set({ selection: MEMBERS });
    expect(open(store)).toEqual([]);
    store.set({ selection: ["block_2/norm"] });
    expect(open(store).sort()).toEqual(["block_2", "≡block_0"]);
  });
});
