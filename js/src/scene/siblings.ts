// Edges between calls as edges between siblings: the two units in the innermost frame around both ends.
import type { Payload } from "../wire";
import type { Nesting } from "./nesting";

export interface Siblings {
  /** By edge of the payload; both -1 where one end holds the other. */
  readonly source: Int32Array;
  readonly target: Int32Array;
}

export function siblingsOf({ edges }: Payload, { parent, depth }: Nesting): Siblings {
  const source = new Int32Array(edges.length);
  const target = new Int32Array(edges.length);
  for (let e = 0; e < edges.length; e++) {
    let s = edges.source[e] as number;
    let t = edges.target[e] as number;
    let deeper = (depth[s] as number) - (depth[t] as number);
    for (; deeper > 0; deeper--) s = parent[s] as number;
    for (; deeper < 0; deeper++) t = parent[t] as number;
    while (s !== t && parent[s] !== parent[t]) {
      s = parent[s] as number;
      t = parent[t] as number;
    }
    source[e] = s === t ? -1 : s;
    target[e] = s === t ? -1 : t;
  }
  return { source, target };
}
