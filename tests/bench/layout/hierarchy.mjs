// A graph's groups, each with what stands directly in it and the edges between those: a group's number is the number of
// nodes plus its index, and ROOT is what holds everything.
export const ROOT = -1;

/** All groups that hold something, the innermost first, the root last. */
export function childrenOf(graph) {
  const count = graph.nodes.length;
  const levels = new Map([[ROOT, level(ROOT)]]);
  const around = (item) => {
    const group = item < count ? graph.nodes[item].group : graph.groups[item - count].parent;
    return group < 0 ? ROOT : count + group;
  };
  const enter = (item) => {
    const holder = around(item);
    if (!levels.has(holder)) {
      levels.set(holder, level(holder));
      enter(holder);
    }
    levels.get(holder).members.push(item);
  };
  graph.nodes.forEach((_, i) => {
    enter(i);
  });
  for (const [source, target] of graph.edges) lift(levels, around, source, target);
  const depth = ({ id }) => (id === ROOT ? 0 : 1 + depth({ id: around(id) }));
  return [...levels.values()]
    .sort((a, b) => depth(b) - depth(a))
    .map(({ id, members, edges }) => ({ id, members, edges: edges.values() }));
}

const level = (id) => ({ id, members: [], edges: new Map() });

/** An edge shows where its ends' surroundings part. */
function lift(levels, around, source, target) {
  const path = (item) => (item === ROOT ? [] : [...path(around(item)), item]);
  const [from, to] = [path(source), path(target)];
  let k = 0;
  while (from[k] === to[k]) k++;
  const holder = k === 0 ? ROOT : from[k - 1];
  levels.get(holder).edges.set(`${from[k]} ${to[k]}`, [from[k], to[k]]);
}
