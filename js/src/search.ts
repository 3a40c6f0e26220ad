// Which rows a query means: every word must occur in the path, name, type, dtype or shapes.
import { edgeShape, formatShape } from "./format";
import { list, type Payload } from "./wire";

const haystacks = new WeakMap<Payload, readonly string[]>();

function haystackOf(payload: Payload): readonly string[] {
  let texts = haystacks.get(payload);
  if (!texts) {
    const { rows } = payload;
    texts = rows.path.map((path, row) =>
      // A newline between the fields: a word never matches across two of them.
      [path, rows.label[row], rows.name[row], rows.type[row], rows.dtype[row], ...shapes(payload, row)]
        .join("\n")
        .toLowerCase(),
    );
    haystacks.set(payload, texts);
  }
  return texts;
}

function* shapes(payload: Payload, row: number): Generator<string> {
  for (const index of list(payload.rows.output_shape, row)) {
    const dims = payload.shapes[index] ?? null;
    // Both as printed with no blanks to split at, and as edges show it, typed with a plain x.
    yield formatShape(dims);
    yield formatShape(dims).replaceAll(" ", "");
    yield edgeShape(dims);
    yield edgeShape(dims).replaceAll("×", "x");
  }
}

/** 1 for every row that matches; null when there is nothing to look for. */
export function matchingRows(payload: Payload, query: string): Uint8Array | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  const texts = haystackOf(payload);
  return Uint8Array.from(texts, (text) => (words.every((word) => text.includes(word)) ? 1 : 0));
}
