// Widths of characters, so that boxes are sized and texts fitted without a page: the same in every host.

// Per mille of the font size, for U+0020 to U+007E: a common sans serif's widths and 8 % on top, as hosts' fonts differ.
// Fonts that are wider still are drawn smaller (`Theme.fontScale`).
const REGULAR =
  "28 28 35 56 56 89 67 19 33 33 39 58 28 33 28 28 56 56 56 56 56 56 56 56 56 56 28 28 58 58 58 56 102 67 67 72 72 67 61 78 72 28 50 67 56 83 72 78 67 78 72 67 61 72 67 94 67 67 61 28 28 28 47 56 33 56 56 50 56 56 28 56 56 22 22 50 22 83 56 56 56 56 33 50 28 56 50 72 50 50 50 33 26 33 58";
const BOLD =
  "28 33 47 56 56 89 72 24 33 33 39 58 28 33 28 28 56 56 56 56 56 56 56 56 56 56 33 33 58 58 58 61 98 72 72 72 72 67 61 78 72 28 56 72 61 83 72 78 67 78 72 67 61 72 67 94 67 67 61 33 28 33 58 56 33 56 61 56 61 56 33 61 61 28 28 56 28 89 61 61 61 61 39 56 33 61 56 78 56 56 50 39 28 39 58";
const ALLOWANCE = 1.08;

export type Face = "regular" | "bold" | "mono";

const table = (text: string): Float64Array =>
  Float64Array.from(text.split(" "), (hundredth) => (Number(hundredth) / 100) * ALLOWANCE);
const TABLES = { regular: table(REGULAR), bold: table(BOLD) };
const MONO = 0.605;

const ELLIPSIS = 0x2026;

/** What a host's own font is compared with, see `REFERENCE_WIDTH`. */
export const REFERENCE_TEXT = "conv2_block1_out Dense 12,345";
export const REFERENCE_WIDTH = textWidth(REFERENCE_TEXT, 1, "regular");
export const REFERENCE_BOLD_WIDTH = textWidth(REFERENCE_TEXT, 1, "bold");

function charWidth(code: number, face: Face): number {
  const wide = code >= 0x1100 && (code >= 0x1f000 || (code >= 0x2e80 && code < 0xd7b0) || code < 0x1200);
  if (wide) return 1.1;
  if (face === "mono") return MONO;
  if (code === ELLIPSIS) return 1;
  if (code >= 32 && code < 127) return TABLES[face][code - 32] as number;
  return code < 32 ? 0 : 0.66;
}

export function textWidth(text: string, size: number, face: Face): number {
  let width = 0;
  for (const char of text) width += charWidth(char.codePointAt(0) as number, face);
  return width * size;
}

/** `text`, or as much of its start and end as fits: names of layers differ in their ends, most in a last number. */
export function fitText(text: string, room: number, size: number, face: Face): string {
  if (textWidth(text, size, face) <= room) return text;
  const chars = Array.from(text);
  const number = /\d{0,4}$/.exec(text)?.[0].length ?? 0;
  for (let kept = Math.min(chars.length - 1, 200); kept > 0; kept--) {
    const tail = Math.min(kept, Math.max(Math.floor(kept / 3), number));
    const fitted = `${chars.slice(0, kept - tail).join("")}…${tail ? chars.slice(-tail).join("") : ""}`;
    if (textWidth(fitted, size, face) <= room) return fitted;
  }
  return "…";
}
