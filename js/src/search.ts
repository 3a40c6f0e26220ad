// Which rows a query means: every word must occur in the path, name, type, dtype or shapes.
import { edgeShape, formatShape } from "./format";
import { list, type Payload } from "./wire";

/** By row. */
const haystacks = new WeakMap<Payload, readonly string[]>();

function haystackOf(payload: Payload): readonly string[] {
  const steps = haystackSteps(payload);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

// Rows between two yields.
const STEP = 2000;

/** What is searched, put together in steps of a few milliseconds. */
export function* haystackSteps(payload: Payload): Generator<undefined, readonly string[]> {
  const known = haystacks.get(payload);
  if (known) return known;
  const { rows } = payload;
  const shapeText = shapeTexts(payload);
  const texts: string[] = [];
  for (let row = 0; row < rows.length; row++) {
    // A newline between the fields: a word never matches across two of them.
    let text = `${rows.path[row]}\n${rows.label[row]}\n${rows.name[row]}\n${rows.type[row]}\n${rows.dtype[row]}`;
    for (const shape of list(rows.output_shape, row)) text += shapeText(shape);
    texts.push(text.toLowerCase());
    if (row % STEP === STEP - 1) yield;
  }
  haystacks.set(payload, texts);
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
