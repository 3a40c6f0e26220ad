// Names with numbers in them in the order of people: conv2 before conv10, whatever their case and accents.

/** Unicode's order of punctuation; `_MARKS` in `nbviz/views/export.py`. */
const MARKS = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

// Spaces and marks come first, then numbers by their length, then letters.
const NUMBER = 0x100;
const LETTER = 0x200;
const [ZERO, NINE] = [48, 57];

/** A text whose plain order is the natural order of `text`: comparing plain texts is quick, a collator is not. */
export function naturalKey(text: string): string {
  const plain = bare(text);
  // Made in one piece: adding letter by letter leaves as many strings behind, and a long table stops to sweep them up.
  const key: number[] = [];
  for (let i = 0; i < plain.length; ) {
    const code = plain.charCodeAt(i);
    if (code < ZERO || code > NINE) {
      key.push(ASCII[code] ?? symbol(code));
      i += 1;
      continue;
    }
    let from = i;
    while (plain.charCodeAt(from) === ZERO) from += 1;
    for (i = from; plain.charCodeAt(i) >= ZERO && plain.charCodeAt(i) <= NINE; ) i += 1;
    key.push(NUMBER + Math.min(i - from, 0xff));
    for (let k = from; k < i; k++) key.push(plain.charCodeAt(k));
  }
  return String.fromCharCode(...key);
}

function bare(text: string): string {
  const small = text.toLowerCase();
  return /^[ -~]*$/.test(small) ? small : small.normalize("NFD").replace(/\p{M}/gu, "");
}

function symbol(code: number): number {
  const character = String.fromCharCode(code);
  if (/\s/.test(character)) return 1;
  if (/\p{L}/u.test(character)) return Math.min(LETTER + code, 0xffff);
  const mark = MARKS.indexOf(character);
  return 2 + (mark < 0 ? MARKS.length : mark);
}

const ASCII = Array.from({ length: 128 }, (_, code) => symbol(code));
