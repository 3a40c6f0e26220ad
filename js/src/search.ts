// Which rows a query means: every word must occur in the path, name, type, dtype or shapes.
import { edgeShape, formatShape } from "./format";
import { list, type Payload } from "./wire";

const haystacks = new WeakMap<Payload, readonly string[]>();

function haystackOf(payload: Payload): readonly string[] {
  let texts = haystacks.get(payload);
  if (!texts) {
    const { rows } = payload;
    const shapeText = shapeTexts(payload);
    texts = rows.path.map((path, row) => {
      // A newline between the fields: a word never matches across two of them.
      let text = `${path}\n${rows.label[row]}\n${rows.name[row]}\n${rows.type[row]}\n${rows.dtype[row]}`;
      for (const shape of list(rows.output_shape, row)) text += shapeText(shape);
      return text.toLowerCase();
    });
    haystacks.set(payload, texts);
  }
  return texts;
}

/** Shapes repeat: each is put into words once. */
function shapeTexts({ shapes }: Payload): (shape: number) => string {
  const known = new Map<number, string>();
  return (shape) => {
    let text = known.get(shape);
    if (text === undefined) {
      const dims = shapes[shape] ?? null;
      const [printed, edge] = [formatShape(dims), edgeShape(dims)];
      // Both as printed with no blanks to split at, and as edges show it, typed with a plain x.
      text = `\n${printed}\n${printed.replaceAll(" ", "")}\n${edge}\n${edge.replaceAll("×", "x")}`;
      known.set(shape, text);
    }
    return text;
  };
}

const latest = new WeakMap<Payload, { readonly query: string; readonly rows: Uint8Array }>();

/** 1 for every row that matches; null when there is nothing to look for. */
export function matchingRows(payload: Payload, query: string): Uint8Array | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  // Table, graph and search box ask the same, one after another.
  const known = latest.get(payload);
  if (known?.query === query) return known.rows;
  const texts = haystackOf(payload);
  const rows = new Uint8Array(texts.length);
  for (let row = 0; row < rows.length; row++) {
    if (words.every((word) => (texts[row] as string).includes(word))) rows[row] = 1;
  }
  latest.set(payload, { query, rows });
  return rows;
}
