// Stacks: siblings that do the same, in a row or side by side, shown as one box "× 12" until it opens.
import type { Payload } from "../wire";
import { Ends } from "./ends";
import { type Flow, flowsOf, isAcyclic, levelsOf } from "./flow";
import { childrenOf, type Nesting } from "./nesting";
import type { Siblings } from "./siblings";

/** Fewer equals than this are shown one by one: in a row, and side by side, where a reader compares them. */
const LEAST = { row: 3, side: 4 };
/** The same for single layers and operations, which are not worth hiding. */
const LEAST_SMALL = { row: 6, side: 8 };

const SMALL_FRAME = 24;

export interface Found {
  readonly nesting: Nesting;
  readonly siblings: Siblings;
  readonly structure: Int32Array;
  /** Layers and operations inside each unit. */
  readonly leaves: Int32Array;
  label(unit: number): string;
}

/** Places of equal children in a frame. */
type Family = readonly number[];

/** The members of each stack, in the order of their calls. */
export function findStacks(payload: Payload, found: Found): number[][] {
  const { start, end, order } = found.nesting;
  const frames = new Map<number, { readonly children: readonly number[]; readonly families: readonly Family[] }>();
  for (const frame of order) {
    if ((end[frame] as number) - (start[frame] as number) <= LEAST.row) continue;
    const children = childrenOf(found.nesting, frame);
    if (!mayRepeat(found, children)) continue;
    const families = familiesOf(payload, found, children);
    if (families.length > 0) frames.set(frame, { children, families });
  }
  if (frames.size === 0) return [];
  const flows = flowsOf(payload, found.siblings, found.nesting, new Set(frames.keys()));
  let known: Ends | undefined;
  const ends = (): Ends => {
    known ??= new Ends(payload, found);
    return known;
  };
  return [...frames].flatMap(([frame, { children, families }]) =>
    stacksIn(found, flows(frame, children), families, ends).map((places) => places.map((i) => children[i] as number)),
  );
}

function stacksIn(found: Found, flow: Flow, families: readonly Family[], ends: () => Ends): Family[] {
  const rows = rowsOf(flow, families).filter((row) => isWorth(found, flow, row, "row"));
  const taken = new Set(rows.flat());
  const level = levelsOf(flow);
  // Something that waits for itself has no order to keep.
  if (!level) return [];
  const sides = families
    .flatMap((family) =>
      sidesOf(
        flow,
        family.filter((i) => !taken.has(i)),
        level,
        ends,
      ),
    )
    .filter((side) => isWorth(found, flow, side, "side"));
  // A stack runs as one: that must not make anything wait for itself.
  const plain = rows.filter((row) => row.length === 1 + (row.at(-1) as number) - (row[0] as number));
  return [[...rows, ...sides], plain].find((stacks) => isAcyclic(flow, stacks)) ?? [];
}

function isWorth(found: Found, { children }: Flow, family: Family, way: "row" | "side"): boolean {
  return family.length >= leastOf(found, children[family[0] as number] as number)[way];
}

function leastOf({ leaves }: Found, unit: number): typeof LEAST {
  return (leaves[unit] as number) < 2 ? LEAST_SMALL : LEAST;
}

/** Few frames have equals: a look at small ones costs less than sorting them. */
function mayRepeat(found: Found, children: readonly number[]): boolean {
  const { structure } = found;
  if (children.length > SMALL_FRAME) return true;
  for (let i = 0; i < children.length; i++) {
    const u = children[i] as number;
    const least = leastOf(found, u).row;
    if (children.length - i < least) continue;
    let equals = 1;
    for (let k = i + 1; k < children.length; k++) if (structure[children[k] as number] === structure[u]) equals++;
    if (equals >= least) return true;
  }
  return false;
}

/** Children that do the same and are called the same but for numbers, where there are enough of them. */
function familiesOf({ calls }: Payload, found: Found, children: readonly number[]): Family[] {
  const { structure, label } = found;
  const equal = new Map<number, number[]>();
  children.forEach((u, i) => {
    const known = equal.get(structure[u] as number);
    if (known) known.push(i);
    else equal.set(structure[u] as number, [i]);
  });
  const families: Family[] = [];
  for (const places of equal.values()) {
    const least = leastOf(found, children[places[0] as number] as number).row;
    if (places.length < least) continue;
    const named = new Map<string, number[]>();
    for (const i of places) {
      const u = children[i] as number;
      const kind = calls.kind[u];
      if (kind === "input" || kind === "output" || kind === "constant") continue;
      const name = withoutNumbers(label(u));
      const known = named.get(name);
      if (known) known.push(i);
      else named.set(name, [i]);
    }
    families.push(...[...named.values()].filter((family) => family.length >= least));
  }
  return families;
}

/** "dense" and "dense_12" are the same but for a number, and "block2b" and "block2c" but for a letter that counts. */
export function withoutNumbers(label: string): string {
  return label.replace(/[_.#-]*\d+([a-z](?![a-z]))?/gi, "");
}

/** Members of families of which each reads what the one before it makes, as long as that goes. */
function rowsOf({ children, from, to }: Flow, families: readonly Family[]): Family[] {
  // The member that comes next in its family.
  const follower = new Int32Array(children.length).fill(-1);
  for (const family of families) {
    for (let k = 1; k < family.length; k++) follower[family[k - 1] as number] = family[k] as number;
  }
  const linked = new Uint8Array(children.length);
  for (let e = 0; e < from.length; e++) if (follower[from[e] as number] === to[e]) linked[to[e] as number] = 1;
  return families.flatMap((family) => {
    const rows: number[][] = [];
    for (const i of family) {
      if (linked[i] && rows.length > 0) rows.at(-1)?.push(i);
      else rows.push([i]);
    }
    return rows;
  });
}

/** Members of a family that stand at one level and have alike before and after them. */
function sidesOf({ children }: Flow, family: Family, level: Int32Array, ends: () => Ends): Family[] {
  const sides = new Map<string, number[]>();
  if (family.length < LEAST.side) return [];
  for (const i of family) {
    const key = `${level[i]} ${ends().key(children[i] as number)}`;
    const known = sides.get(key);
    if (known) known.push(i);
    else sides.set(key, [i]);
  }
  return [...sides.values()];
}
