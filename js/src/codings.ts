// Columns out of few bytes: the readers of what `nbviz/codings.py` writes, under the same names. No DOM, no store.

/** How the integers of a column are written; `to` names the column that they are near to, "" their own rows. */
export interface Coded {
  readonly coding: string;
  readonly to?: string;
}

/** Texts whose numbers are taken out: in a pattern, each digit (they are all 0) stands for one of `numbers`. */
export interface CodedTexts extends Coded {
  readonly patterns: readonly string[];
  readonly length: number;
  readonly numbers: number;
  readonly of_numbers: string;
}

/** More integers than any model has: a few damaged bytes must not ask for all memory. */
const MOST = 1 << 27;

/** Rows between two steps: a few milliseconds. */
const STEP = 1 << 14;

/** Puts each number back relative to what its coding names; sums wrap at 32 bits, as they did in Python. */
type Coding = (values: Int32Array, other: Int32Array | null) => void;

function plain(): void {}

function delta(values: Int32Array): void {
  let before = 0;
  for (let i = 0; i < values.length; i++) {
    before = (before + (values[i] as number)) | 0;
    values[i] = before;
  }
}

function beside(values: Int32Array, other: Int32Array | null): void {
  const base = needed(other);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + (base[i] as number);
}

function again(values: Int32Array, other: Int32Array | null): void {
  let largest = -1;
  for (let i = 0; i < values.length; i++) {
    const code = values[i] as number;
    const expected = other === null ? largest + 1 : (other[i] as number);
    const value = code & 1 ? (expected + (code >> 1)) | 0 : (values[i - at({ length: i + 1 }, code >> 1)] as number);
    values[i] = value;
    if (value > largest) largest = value;
  }
}

function climb(values: Int32Array): void {
  for (let row = 0; row < values.length; row++) {
    let at = row - 1;
    for (let steps = values[row] as number; steps > 0 && at >= 0; steps--) at = values[at] as number;
    values[row] = at;
  }
}

function needed(other: Int32Array | null): Int32Array {
  if (other === null) throw new Error("there is no column to stand beside");
  return other;
}

const CODINGS: ReadonlyMap<string, Coding> = new Map(
  Object.entries({ plain, delta, beside, again, climb } satisfies Record<string, Coding>),
);

/** Reads columns, one behind the other. Throws on bytes that no writer wrote. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at: number;
  #left = MOST;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** The next column of integers, and what they are near to. */
  ints(length: number, { coding }: Coded, other: Int32Array | null = null): Int32Array {
    const decode = CODINGS.get(coding);
    if (decode === undefined) throw new Error(`the coding ${coding} is unknown`);
    if (other !== null && other.length !== length)
      throw new Error("columns of different lengths stand beside each other");
    const values = this.#packed(length);
    decode(values, other);
    return values;
  }

  /** Texts with the numbers that were taken out of them. Yields the texts that are done. */
  *texts(spec: CodedTexts): Generator<number, string[]> {
    const which = this.ints(spec.length, spec);
    const numbers = this.ints(spec.numbers, { coding: spec.of_numbers });
    const parts = spec.patterns.map((pattern) => pattern.split("0"));
    const counts = new Int32Array(parts.length);
    for (const pattern of which) counts[at(counts, pattern)] = (counts[pattern] as number) + 1;
    // the numbers of one pattern lie together: all of the first place, then all of the second
    const next = new Int32Array(parts.length);
    let end = 0;
    parts.forEach(({ length }, pattern) => {
      next[pattern] = end;
      end += (length - 1) * (counts[pattern] as number);
    });
    if (end !== spec.numbers) throw new Error(`${spec.numbers} numbers for ${end} places`);
    const texts = new Array<string>(spec.length);
    for (let i = 0; i < texts.length; i++) {
      const pattern = which[i] as number;
      const place = next[pattern] as number;
      next[pattern] = place + 1;
      texts[i] = numbered(parts[pattern] as string[], numbers, place, counts[pattern] as number);
      if (i % STEP === STEP - 1) yield i;
    }
    return texts;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error("it ends too early");
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new Error("a number is too long");
  }

  #packed(length: number): Int32Array {
    if (!Number.isInteger(length) || length < 0 || length > this.#left) throw new Error(`${length} is no length`);
    this.#left -= length;
    const values = new Int32Array(length);
    const period = this.#varint();
    if (period === 0) {
      for (let i = 0; i < length; i++) values[i] = this.#varint();
    } else {
      this.#copies(values, period);
    }
    return values;
  }

  /** Runs of numbers that are written and of numbers that stood `period` earlier, in turn. */
  #copies(values: Int32Array, period: number): void {
    const runs = new Int32Array(at({ length: values.length + 1 }, this.#varint()));
    for (let run = 0; run < runs.length; run++) runs[run] = this.#varint();
    let end = 0;
    for (let run = 0; run < runs.length; run++) {
      const start = end;
      end += runs[run] as number;
      if (end < start || end > values.length || period < 0 || (run % 2 === 1 && period > start)) {
        throw new Error("a run leaves its column");
      }
      if (run % 2 === 0) for (let i = start; i < end; i++) values[i] = this.#varint();
      else for (let i = start; i < end; i++) values[i] = values[i - period] as number;
    }
    if (end !== values.length) throw new Error("a column is too short");
  }
}

/** A pattern with numbers between its parts, which lie `count` apart. */
function numbered(parts: readonly string[], numbers: Int32Array, place: number, count: number): string {
  let text = parts[0] as string;
  for (let i = 1; i < parts.length; i++) text += (numbers[place + (i - 1) * count] as number) + (parts[i] as string);
  return text;
}

/** `index`, which must lie in what has that length. */
export function at({ length }: { readonly length: number }, index: number): number {
  if (index < 0 || index >= length) throw new Error(`${index} is not among ${length}`);
  return index;
}

/** The numbers that a column has interned. */
export function pick(numbers: Float64Array, ints: Int32Array): Float64Array {
  const picked = new Float64Array(ints.length);
  for (let row = 0; row < ints.length; row++) picked[row] = numbers[at(numbers, ints[row] as number)] as number;
  return picked;
}

/** The part of each number in the first one, which is that of the whole model. */
export function shares(numbers: Float64Array): Float64Array {
  const whole = numbers[0] ?? Number.NaN;
  return numbers.map((number) => number / whole);
}

/** The row that each value of a list column belongs to. */
export function owners(offsets: Int32Array): Int32Array {
  const rows = new Int32Array(offsets.at(-1) as number);
  for (let row = 0; row + 1 < offsets.length; row++) rows.fill(row, offsets[row], offsets[row + 1]);
  return rows;
}

/** Texts that others may hold, and the row of each; null: the same row. */
export interface Hole {
  readonly texts: readonly string[];
  readonly rows: Int32Array | null;
}

/** A text with holes: the text before the first, then each hole and the text behind it. */
interface Template {
  readonly head: string;
  readonly holes: readonly Hole[];
  readonly tails: readonly string[];
}

/**
 * Put together `texts`, one per row: templates in which a character of the code 1 + i stands for the text in hole i.
 *
 * A hole may lie in `texts` itself, in rows above. Yields the rows that are done.
 */
export function* fill(
  texts: string[],
  templates: Int32Array,
  strings: readonly string[],
  holes: readonly Hole[],
): Generator<number, void> {
  const cut: Template[] = [];
  for (let start = 0; start < texts.length; start += STEP) {
    const end = Math.min(start + STEP, texts.length);
    if (holes.length === 0) pickRows(texts, templates, strings, start, end);
    else
      fillRows(texts, start, end, (row) => {
        const string = at(strings, templates[row] as number);
        cut[string] ??= template(strings[string] as string, holes);
        return cut[string];
      });
    yield end;
  }
}

// Loops of their own, which become fast code where those of a generator do not.
function pickRows(
  texts: string[],
  templates: Int32Array,
  strings: readonly string[],
  start: number,
  end: number,
): void {
  for (let row = start; row < end; row++) texts[row] = strings[at(strings, templates[row] as number)] as string;
}

function fillRows(texts: string[], start: number, end: number, templateOf: (row: number) => Template): void {
  for (let row = start; row < end; row++) texts[row] = filled(templateOf(row), row);
}

function filled({ head, holes, tails }: Template, row: number): string {
  let text = head;
  for (let i = 0; i < holes.length; i++) text += inHole(holes[i] as Hole, row) + (tails[i] as string);
  return text;
}

function template(text: string, holes: readonly Hole[]): Template {
  const pieces = [""];
  const found: Hole[] = [];
  for (const character of text) {
    const hole = holes[character.charCodeAt(0) - 1];
    if (hole === undefined) pieces[found.length] += character;
    else {
      found.push(hole);
      pieces.push("");
    }
  }
  return { head: pieces[0] as string, holes: found, tails: pieces.slice(1) };
}

function inHole({ texts, rows }: Hole, row: number): string {
  const other = rows === null ? row : (rows[row] as number);
  const text = other < 0 ? "" : texts[other];
  if (text === undefined) throw new Error(`row ${row} takes a text from row ${other}`);
  return text;
}
