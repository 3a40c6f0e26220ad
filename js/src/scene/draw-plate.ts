// A plate as drawing commands: a title on a ground of its own, and below it what each cell says.
import { mix, readable } from "../color";
import { type BoxState, drawCards, drawRepeat, ground } from "./boxes";
import type { Bounds, Command, Text } from "./commands";
import { type Box, CARD, fitted, repeatRoom } from "./describe";
import {
  CELL_SIZE,
  cellsOf,
  LINE,
  PLATE_PAD,
  type Plate,
  TITLE,
  TITLE_SIZE,
  titleOf,
  trainedMark,
  VALUE_SIZE,
  valueColumn,
} from "./plot";
import type { Theme } from "./theme";
import { fitText, textWidth } from "./widths";

const RADIUS = 6;

export function drawPlate(box: Box, plate: Plate, bounds: Bounds, state: BoxState, theme: Theme): Command[] {
  const front = box.repeat ? { ...bounds, height: bounds.height - 2 * CARD } : bounds;
  const card = { ...state, fill: theme.bg };
  const cards = box.repeat ? drawCards(box, front, card, theme) : [ground(box, front, card, theme, RADIUS)];
  return [...cards, ...drawTitle(box, plate, front, state.fill, theme), ...drawCells(plate, front, theme)];
}

/** The title's ground has the card's corners above; below only where nothing follows. */
function titleGround({ x, y, width, height }: Bounds, fill: string): Command {
  const alone = height <= TITLE;
  const [left, top, right, bottom] = [x + 0.5, y + 0.5, x + width - 0.5, y + Math.min(height, TITLE) - 0.5];
  const r = RADIUS - 0.5;
  // A quarter of a circle as one cubic.
  const k = r * 0.45;
  const low = alone ? r : 0;
  const lowK = alone ? k : 0;
  const curve = [
    ...[left, top + r],
    ...[left, top + k, left + k, top, left + r, top],
    ...[left + r, top, right - r, top, right - r, top],
    ...[right - k, top, right, top + k, right, top + r],
    ...[right, top + r, right, bottom - low, right, bottom - low],
    ...[right, bottom - lowK, right - lowK, bottom, right - low, bottom],
    ...[right - low, bottom, left + low, bottom, left + low, bottom],
    ...[left + lowK, bottom, left, bottom - lowK, left, bottom - low],
    ...[left, bottom - low, left, top + r, left, top + r],
  ];
  return { kind: "path", curve, fill, stroke: "none", strokeWidth: 0 };
}

function drawTitle(box: Box, plate: Plate, bounds: Bounds, fill: string, theme: Theme): Command[] {
  const ink = readable(fill, theme.text);
  const soft = readable(fill, theme.muted, theme.text);
  const y = bounds.y + TITLE / 2 + 4.5;
  const mark = trainedMark(plate);
  const markRoom = mark ? textWidth(mark, CELL_SIZE, "regular") + 20 : 0;
  const room = bounds.width - 2 * PLATE_PAD - markRoom - repeatRoom(box);
  const { bold, plain } = titleOf(plate);
  const name = fitted(bold, room, TITLE_SIZE, true);
  const nameWidth = textWidth(name, TITLE_SIZE, "bold");
  const type = fitted(plain, room - nameWidth - 8, CELL_SIZE);
  const typeWidth = plain ? 8 + textWidth(type, CELL_SIZE, "regular") : 0;
  // A title alone stands in the middle; above cells it begins where they do.
  const alone = !mark && cellsOf(plate).length === 0;
  const left = bounds.x + PLATE_PAD + (alone ? Math.max(0, room - nameWidth - typeWidth) / 2 : 0);
  const text = (x: number, text: string, fill: string, anchor: Text["anchor"] = "start"): Text => {
    return { kind: "text", x, y, text, size: CELL_SIZE, face: "regular", anchor, fill };
  };
  // A font that is narrower than the table says would leave it beside the middle.
  const single = alone && !plain && !box.repeat;
  const middle = bounds.x + bounds.width / 2;
  const repeatAt = left + nameWidth + typeWidth + 8;
  return [
    titleGround(bounds, fill),
    { ...(single ? text(middle, name, ink, "middle") : text(left, name, ink)), size: TITLE_SIZE, face: "bold" },
    ...(plain && room - nameWidth > 24 ? [text(left + nameWidth + 8, type, soft)] : []),
    ...drawRepeat(box, repeatAt, y, fill, ink),
    ...(mark ? [text(bounds.x + bounds.width - PLATE_PAD, mark, markInk(plate, fill, theme), "end")] : []),
  ];
}

/** Where color tells nothing: layers in the accent's, all else in grey. */
export function plateFill({ layer }: Plate, theme: Theme): string {
  return layer ? theme.accentSoft : mix(theme.bg, theme.muted, 0.12);
}

function markInk({ trainable }: Plate, fill: string, theme: Theme): string {
  return readable(fill, trainable ? theme.accent : theme.error, theme.text);
}

function drawCells(plate: Plate, bounds: Bounds, theme: Theme): Command[] {
  const soft = readable(theme.bg, theme.muted, theme.text);
  const column = valueColumn(plate);
  return cellsOf(plate).flatMap(([label, value], i): Command[] => {
    const y = bounds.y + TITLE + LINE * (i + 1) - 1;
    const text = fitText(value, bounds.width - column - PLATE_PAD, VALUE_SIZE, "mono");
    return [
      {
        kind: "text",
        x: bounds.x + PLATE_PAD,
        y,
        text: label,
        size: CELL_SIZE,
        face: "regular",
        anchor: "start",
        fill: soft,
      },
      {
        kind: "text",
        x: bounds.x + column,
        y,
        text,
        size: VALUE_SIZE,
        face: "mono",
        anchor: "start",
        fill: theme.text,
      },
    ];
  });
}
