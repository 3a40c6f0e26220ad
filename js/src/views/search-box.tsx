// Search: dims what does not match in table and graph; Enter walks the matches.
import type { RefObject } from "preact";
import { useMemo } from "preact/hooks";
import { formatCount } from "../format";
import { matchingRows } from "../search";
import { selectOne } from "../select";
import { allRows, treeOf } from "../tree";
import type { Payload } from "../wire";
import { handled, useDisplay, useStore } from "./hooks";
import { Icon } from "./icons";

export function SearchBox({ payload, input }: { payload: Payload | null; input: RefObject<HTMLInputElement> }) {
  const { store } = useDisplay();
  const { search, groups, selection } = useStore(store, "search", "groups", "selection");
  const found = useMemo(() => (payload ? findMatches(payload, search, groups) : null), [payload, search, groups]);
  const jump = (step: 1 | -1) => {
    if (!payload || !found || found.length === 0) return;
    const paths = found.map((row) => payload.rows.path[row] ?? "");
    const at = paths.indexOf(store.state.selection[0] ?? "");
    const next = at < 0 ? (step > 0 ? 0 : found.length - 1) : (at + step + found.length) % found.length;
    selectOne(store, paths[next] ?? "");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Enter") {
      handled(event);
      jump(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape" && search !== "") {
      handled(event);
      store.set({ search: "" });
    }
  };
  return (
    <label class="nbviz-field nbviz-search">
      <Icon name="search" />
      <input
        ref={input}
        type="text"
        value={search}
        placeholder="Search names, types, shapes"
        aria-label="Search names, types, shapes"
        title="Search ( / ): Enter for the next match, Shift+Enter for the one before, Escape clears"
        onInput={(event) => store.set({ search: event.currentTarget.value })}
        onKeyDown={onKeyDown}
      />
      <span class="nbviz-count" role="status">
        {found &&
          count(
            found.map((row) => payload?.rows.path[row] ?? ""),
            selection[0],
          )}
      </span>
    </label>
  );
}

/** "12", or "3 / 12" while the third is selected. */
function count(found: readonly string[], selected: string | undefined): string {
  if (found.length === 0) return "none";
  const at = selected === undefined ? -1 : found.indexOf(selected);
  return at < 0 ? formatCount(found.length) : `${formatCount(at + 1)} / ${formatCount(found.length)}`;
}

/** Matching rows in tree order, without the model itself, which holds everything; null when nothing is searched. */
function findMatches(payload: Payload, search: string, groups: boolean): number[] | null {
  const matches = matchingRows(payload, search);
  if (!matches) return null;
  const tree = treeOf(payload.rows, groups);
  return allRows(tree).filter((row) => matches[row] === 1 && tree.parent[row] !== -1);
}
