// What a search looks at, in lower case: what rows are called and what they give, and beside them what parameters are.
import { edgeShape, formatShape } from "./format";
import { atOnce } from "./steps";
import { list, type Payload, type Settings } from "./wire";

/** No word holds one, so that it tells names from everything else, and where each of them ends. */
export const NAME_END = "\t";

export interface Haystack {
  /** By row: its names, each with NAME_END behind it, its type, dtype and output shapes. */
  readonly rows: readonly string[];
  /** By parameter: a position in `texts`, as most are called alike and shaped alike. */
  readonly textOf: Int32Array;
  /** A name first, then dtype and shape. */
  readonly texts: readonly string[];
}

const haystacks = new WeakMap<Payload, Haystack>();

export function haystackOf(payload: Payload): Haystack {
  return atOnce(haystackSteps(payload));
}

// Rows, calls or parameters between two yields.
const STEP = 2000;

/** What is searched, put together in steps of a few milliseconds. */
export function* haystackSteps(payload: Payload): Generator<undefined, Haystack> {
  const known = haystacks.get(payload);
  if (known) return known;
  const shapeText = shapeTexts(payload);
  const rows = yield* rowTexts(payload, shapeText);
  const haystack = { rows, ...(yield* parameterTexts(payload, shapeText)) };
  haystacks.set(payload, haystack);
  return haystack;
}

function* rowTexts(payload: Payload, shapeText: (shape: number) => string): Generator<undefined, readonly string[]> {
  const { rows } = payload;
  const nodes = yield* nodeNames(payload);
  const texts: string[] = [];
  for (let row = 0; row < rows.length; row++) {
    const names = `${rows.path[row]}${NAME_END}${rows.label[row]}${NAME_END}${rows.name[row]}${NAME_END}${nodes[row]}`;
    // A newline between the other fields: a word never matches across two of them.
    let text = `${names}${rows.type[row]}\n${rows.dtype[row]}`;
    for (const shape of list(rows.output_shape, row)) text += shapeText(shape);
    texts.push(text.toLowerCase());
    if (row % STEP === STEP - 1) yield;
  }
  return texts;
}

/** By row, how a file calls the nodes behind it, each with NAME_END: it names what we number. */
function* nodeNames({ rows, calls, settings }: Payload): Generator<undefined, readonly string[]> {
  const found = new Array<string>(rows.length).fill("");
  for (let call = 0; call < calls.length; call++) {
    const row = calls.row[call] as number;
    const name = row < 0 ? undefined : nameIn(settings[calls.settings[call] as number] ?? []);
    if (name && !found[row]?.includes(name + NAME_END)) found[row] += name + NAME_END;
    if (call % STEP === STEP - 1) yield;
  }
  return found;
}

/** The one setting that is a name and no value. */
function nameIn(settings: Settings): string | undefined {
  for (const [key, value] of settings) if (key === "name" && typeof value === "string") return value;
  return undefined;
}

function* parameterTexts(
  { parameters }: Payload,
  shapeText: (shape: number) => string,
): Generator<undefined, Pick<Haystack, "textOf" | "texts">> {
  const positions = new Map<string, number>();
  const texts: string[] = [];
  const textOf = new Int32Array(parameters.length);
  for (let id = 0; id < parameters.length; id++) {
    const said = `${parameters.name[id]}\n${parameters.dtype[id]}`;
    const key = `${said}\n${parameters.shape[id]}`;
    let position = positions.get(key);
    if (position === undefined) {
      position = texts.push(`${said}${shapeText(parameters.shape[id] as number)}`.toLowerCase()) - 1;
      positions.set(key, position);
    }
    textOf[id] = position;
    if (id % STEP === STEP - 1) yield;
  }
  return { textOf, texts };
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
