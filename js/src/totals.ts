// Sums over several rows, counting everything once.
import { allRows, treeOf } from "./tree";
import { list, type Payload } from "./wire";

/**
 * Parameters of these rows together, each counted once: nested rows and tied weights do not count twice.
 *
 * NaN when one of the rows is not known.
 */
export function paramsOf(payload: Payload, chosen: readonly number[]): number {
  const { rows, parameters } = payload;
  if (chosen.length === 1) return rows.params[chosen[0] ?? 0] ?? Number.NaN;
  const tree = treeOf(payload.rows, true);
  const taken = new Uint8Array(rows.length);
  for (const row of chosen) taken[row] = 1;
  const counted = new Uint8Array(parameters.length);
  let sum = 0;
  for (const row of allRows(tree)) {
    const up = tree.parent[row] ?? -1;
    if (up >= 0 && taken[up]) taken[row] = 1;
    if (!taken[row]) continue;
    // An operation has no parameters of its own to be unknown.
    if (rows.kind[row] === "layer" && Number.isNaN(rows.params[row])) return Number.NaN;
    for (const parameter of list(rows.parameters, row)) {
      if (counted[parameter] || parameters.kind[parameter] !== "weight") continue;
      counted[parameter] = 1;
      sum += parameters.size[parameter] ?? 0;
    }
  }
  return sum;
}
