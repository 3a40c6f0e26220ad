// Which tensors have a batch to leave out of their labels: a first axis that is free may as well be a length, as that of
// positions which the model counts itself.
import type { Payload } from "../wire";

const found = new WeakMap<Payload, Uint8Array>();

/** 1 for each output of a call, by its place among all of them, that nothing which enters the model leads to. */
export function outputsWithoutBatch(payload: Payload): Uint8Array {
  const known = found.get(payload);
  if (known) return known;
  const { calls } = payload;
  const { offsets, values } = calls.outputs;
  const reached = reachedByInputs(payload);
  const flags = new Uint8Array(values.length);
  if (reached.includes(1)) {
    for (let c = 0; c < calls.length; c++) {
      if (!reached[c]) flags.fill(1, offsets[c], offsets[c + 1]);
    }
  }
  found.set(payload, flags);
  return flags;
}

function reachedByInputs({ calls, edges }: Payload): Uint8Array {
  const reached = Uint8Array.from(calls.kind, (kind) => (kind === "input" ? 1 : 0));
  // Once for most models, whose edges come in the order of their targets; loops lead back.
  for (let more = true; more; ) {
    more = false;
    for (let e = 0; e < edges.length; e++) {
      const target = edges.target[e] as number;
      if (reached[target] || !reached[edges.source[e] as number]) continue;
      reached[target] = 1;
      more = true;
    }
  }
  return reached;
}
