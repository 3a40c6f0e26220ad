// Where edges meet the sides of their boxes: near the middle, spread towards where they come from.
import type { FrameEdge, FrameInput, Links } from "./frame";
import type { Placement } from "./layers";

export interface Ends {
  /** Positions across the flow at the upper and lower end of each link. */
  readonly upper: Float64Array;
  readonly lower: Float64Array;
}

const REACH = 26;
const APART = 12;

export function attach(input: FrameInput, links: Links, placement: Placement): Ends {
  const upper = new Float64Array(links.from.length);
  const lower = new Float64Array(links.from.length);
  side(input, links, placement, links.from, upper, true);
  side(input, links, placement, links.to, lower, false);
  return { upper, lower };
}

/** Links that leave a box with the same tensor share a place; every link that arrives has its own. */
function side(
  input: FrameInput,
  links: Links,
  placement: Placement,
  ends: Int32Array,
  result: Float64Array,
  leaving: boolean,
): void {
  const groups = new Map<string, { box: number; links: number[]; towards: number }>();
  for (let l = 0; l < ends.length; l++) {
    const box = ends[l] as number;
    const edge = input.edges[links.edge[l] as number] as FrameEdge;
    const isBox = box < input.across.length;
    const fixed = isBox ? (leaving ? edge.fromAt : edge.toAt) : null;
    if (fixed !== null) {
      result[l] = (placement.centre[box] as number) + fixed;
      continue;
    }
    const key = leaving && isBox ? `${box} ${edge.tensor}` : `${box} ${l}/`;
    const bends = placement.bends[l] as Float64Array;
    const towards = (leaving ? bends[0] : bends.at(-1)) ?? (placement.centre[box] as number);
    const group = groups.get(key) ?? { box, links: [], towards: 0 };
    group.towards += (towards - group.towards) / (group.links.length + 1);
    group.links.push(l);
    groups.set(key, group);
  }
  const byBox = new Map<number, { links: number[]; towards: number }[]>();
  for (const group of groups.values()) {
    const found = byBox.get(group.box) ?? [];
    found.push(group);
    byBox.set(group.box, found);
  }
  for (const [box, found] of byBox) spread(placement.centre[box] as number, links.across[box] as number, found, result);
}

function spread(
  centre: number,
  across: number,
  groups: { links: number[]; towards: number }[],
  out: Float64Array,
): void {
  groups.sort((a, b) => a.towards - b.towards || (a.links[0] as number) - (b.links[0] as number));
  const room = Math.max(0, across / 2 - 8);
  const reach = Math.min(REACH + APART * Math.max(0, groups.length - 3), room);
  const apart = groups.length > 1 ? Math.min(APART, (2 * reach) / (groups.length - 1)) : 0;
  const at = groups.map((g) =>
    groups.length === 1 ? 0 : Math.max(-reach, Math.min(reach, (g.towards - centre) * 0.3)),
  );
  for (let i = 1; i < at.length; i++) at[i] = Math.max(at[i] as number, (at[i - 1] as number) + apart);
  for (let i = at.length - 1; i >= 0; i--) {
    const limit = i === at.length - 1 ? reach : (at[i + 1] as number) - apart;
    at[i] = Math.min(at[i] as number, limit);
  }
  groups.forEach((g, i) => {
    for (const l of g.links) out[l] = centre + (at[i] as number);
  });
}
