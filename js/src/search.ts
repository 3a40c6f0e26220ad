// Which rows a query means: every word must occur in the names, type, dtype or output shapes of a row, or in the name,
// dtype or shape of a parameter that it holds or reads. The same as in `nbviz/views/search.py`.
import { type Haystack, haystackOf, NAME_END } from "./haystack";
import type { Lists, Payload } from "./wire";

const latest = new WeakMap<Payload, { readonly query: string; readonly rows: Uint8Array }>();

/** 1 for every row that matches; null when there is nothing to look for. */
export function matchingRows(payload: Payload, query: string): Uint8Array | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  // Table, graph and search box ask the same, one after another.
  const known = latest.get(payload);
  if (known?.query === query) return known.rows;
  const haystack = haystackOf(payload);
  const rows = new Uint8Array(haystack.rows.length).fill(1);
  for (const word of words) {
    const using = rowsUsing(payload, matchingParameters(payload, haystack, word));
    for (let row = 0; row < rows.length; row++) {
      if (rows[row] && !using[row] && !(haystack.rows[row] as string).includes(word)) rows[row] = 0;
    }
  }
  latest.set(payload, { query, rows });
  return rows;
}

/** 1 for every row that holds one of these parameters, or is an operation that reads it of a layer around. */
function rowsUsing({ rows, calls }: Payload, matching: Uint8Array): Uint8Array {
  if (!matching.includes(1)) return new Uint8Array(rows.length);
  const isMatching = (id: number) => matching[id] === 1;
  const found = marked(rows.length, (row) => some(rows.parameters, row, isMatching));
  for (let call = 0; call < calls.length; call++) {
    const row = calls.row[call] as number;
    if (rows.kind[row] === "operation" && some(calls.parameters, call, isMatching)) found[row] = 1;
  }
  return found;
}

/** 1 for every parameter that has the word in it, or in its full name: that of a layer, a dot, and its own. */
function matchingParameters({ parameters }: Payload, { rows, texts, textOf }: Haystack, word: string): Uint8Array {
  const inside = marked(texts.length, (text) => (texts[text] as string).includes(word));
  const found = marked(textOf.length, (id) => inside[textOf[id] as number] === 1);
  for (const [end, begin] of splitsOf(word)) {
    const begins = marked(texts.length, (text) => (texts[text] as string).startsWith(begin));
    const endsSo = (row: number) => (rows[row] as string).includes(end);
    for (let id = 0; id < found.length; id++) {
      if (!found[id] && begins[textOf[id] as number] && some(parameters.owners, id, endsSo)) found[id] = 1;
    }
  }
  return found;
}

/** The ways to read a word as the end of a layer's name and the beginning of a parameter's; paths have slashes. */
function splitsOf(word: string): (readonly [end: string, begin: string])[] {
  return Array.from(word.matchAll(/[./]/g), ({ index }) => [word.slice(0, index) + NAME_END, word.slice(index + 1)]);
}

function marked(length: number, test: (i: number) => boolean): Uint8Array {
  const found = new Uint8Array(length);
  for (let i = 0; i < length; i++) if (test(i)) found[i] = 1;
  return found;
}

/** Whether one of the integers of a row passes; there are too many rows to make a view of each. */
function some({ offsets, values }: Lists, row: number, test: (value: number) => boolean): boolean {
  for (let at = offsets[row] as number; at < (offsets[row + 1] as number); at++) {
    if (test(values[at] as number)) return true;
  }
  return false;
}
