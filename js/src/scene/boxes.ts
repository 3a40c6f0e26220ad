// Boxes: layers, small operations, inputs and outputs, folded groups, and the frames of open ones.
import { mix, readable } from "../color";
import type { Bounds, Command, Text } from "./commands";
import {
  type Box,
  besideFailure,
  CARD,
  CODE,
  FAILED,
  FAILED_WIDTH,
  fitted,
  frameTotals,
  HEADER,
  NAME,
  PAD,
  repeatRoom,
  SMALL,
  STUB_SIZE,
  smallLabel,
} from "./describe";
import type { Theme } from "./theme";
import { fitText, textWidth } from "./widths";

export interface BoxState {
  readonly selected: boolean;
  readonly focused: boolean;
  /** It is folded and hides something selected. */
  readonly holding: boolean;
  readonly fill: string;
  /** Nesting depth of the box, 0 outermost. */
  readonly depth: number;
  /** Where edges run through its title. */
  readonly crossings: readonly number[];
}

const DASH = "5 3";

/** What texts stand on: the fill with a touch of what the box is marked for. */
function groundFill(box: Box, { fill, selected }: BoxState, theme: Theme): string {
  if (selected) return mix(fill, theme.accent, 0.1);
  return box.failed ? mix(fill, theme.error, 0.1) : fill;
}

export function ground(box: Box, bounds: Bounds, state: BoxState, theme: Theme, radius: number): Command {
  const stroke =
    state.selected || state.holding
      ? theme.accent
      : box.failed
        ? theme.error
        : mix(theme.border, readable(state.fill, theme.text), 0.14);
  const never = box.inferred ? { dash: DASH } : {};
  return {
    kind: "rect",
    ...bounds,
    radius,
    fill: groundFill(box, state, theme),
    stroke,
    strokeWidth: state.selected ? (state.focused ? 3 : 2.2) : box.failed || state.holding ? 1.8 : 1,
    ...never,
  };
}

export function drawBox(box: Box, bounds: Bounds, state: BoxState, theme: Theme): Command[] {
  const fill = groundFill(box, state, theme);
  const ink = readable(fill, theme.text);
  const soft = readable(fill, theme.muted, theme.text);
  if (box.form === "stub") return drawStub(box, bounds, theme);
  if (box.form === "dot" || box.form === "pill") return drawSmall(box, bounds, state, theme, ink);
  const radius = box.form === "terminal" ? bounds.height / 2 : 7;
  if (box.form === "stack") {
    const front = { ...bounds, height: bounds.height - 2 * CARD };
    return [...drawCards(box, front, state, theme), ...layerText(box, front, theme, ink, soft, fill)];
  }
  const rect = ground(box, bounds, state, theme, radius);
  if (box.form === "terminal") return [rect, ...terminalText(box, bounds, ink, soft)];
  return [rect, ...layerText(box, bounds, theme, ink, soft, fill)];
}

/** A name in place of a line from far away: lighter than any box. */
function drawStub(box: Box, bounds: Bounds, theme: Theme): Command[] {
  return [
    {
      kind: "rect",
      ...bounds,
      radius: bounds.height / 2,
      fill: theme.bg,
      stroke: mix(theme.bg, theme.muted, 0.75),
      strokeWidth: 1,
      dash: "2 2.5",
    },
    {
      kind: "text",
      x: bounds.x + bounds.width / 2,
      y: bounds.y + bounds.height / 2 + STUB_SIZE * 0.35,
      text: fitted(box.name, bounds.width - 14, STUB_SIZE),
      size: STUB_SIZE,
      face: "regular",
      anchor: "middle",
      fill: readable(theme.bg, theme.muted, theme.text),
    },
  ];
}

/** The front card of a stack and the lower edges of two behind it. */
export function drawCards(box: Box, front: Bounds, state: BoxState, theme: Theme): Command[] {
  return [2, 1, 0].map((behind) => {
    const inset = 2 * CARD * behind;
    const card = { ...front, x: front.x + inset, y: front.y + CARD * behind, width: front.width - 2 * inset };
    return ground(box, card, state, theme, 7);
  });
}

/** "× 12" on a ground of its own, from `left` on, with its baseline at `y`. */
export function drawRepeat(box: Box, left: number, y: number, ground: string, ink: string): Command[] {
  if (!box.repeat) return [];
  const width = repeatRoom(box) - 12;
  const fill = mix(ground, ink, 0.12);
  return [
    {
      kind: "rect",
      x: left,
      y: y - 13,
      width,
      height: 17,
      radius: 8.5,
      fill,
      stroke: "none",
      strokeWidth: 0,
    },
    { ...line(left + width / 2, y - 0.5, box.repeat, readable(fill, ink), "middle"), face: "bold" },
  ];
}

function drawSmall(box: Box, bounds: Bounds, state: BoxState, theme: Theme, ink: string): Command[] {
  const dot = box.form === "dot";
  const size = dot ? 15 : SMALL;
  return [
    ground(box, bounds, state, theme, bounds.height / 2),
    {
      kind: "text",
      x: bounds.x + bounds.width / 2,
      y: bounds.y + bounds.height / 2 + size * 0.35,
      text: dot ? smallLabel(box) : fitted(smallLabel(box), bounds.width - 18, size),
      size,
      face: dot ? "bold" : "regular",
      anchor: "middle",
      fill: ink,
    },
  ];
}

function terminalText(box: Box, bounds: Bounds, ink: string, soft: string): Command[] {
  const middle = bounds.x + bounds.width / 2;
  const detail = box.name.toLowerCase().startsWith(box.detail.toLowerCase()) ? "" : box.detail;
  const room = bounds.width - 28;
  const detailWidth = detail ? textWidth(detail, SMALL, "regular") + 8 : 0;
  const name = fitted(box.name, room - detailWidth, NAME, true);
  const nameWidth = textWidth(name, NAME, "bold");
  const left = middle - (nameWidth + detailWidth) / 2;
  const y = bounds.y + (box.shape ? 18 : 26);
  const texts: Command[] = [
    { kind: "text", x: left, y, text: name, size: NAME, face: "bold", anchor: "start", fill: ink },
    { ...line(left + nameWidth + 8, y, detail, soft), size: SMALL },
  ];
  if (box.shape) {
    const shape = fitText(box.shape, room, CODE, "mono");
    texts.push({
      kind: "text",
      x: middle,
      y: bounds.y + 34,
      text: shape,
      size: CODE,
      face: "mono",
      anchor: "middle",
      fill: soft,
    });
  }
  return texts;
}

function line(x: number, y: number, text: string, fill: string, anchor: Text["anchor"] = "start"): Text {
  return { kind: "text", x, y, text, size: SMALL, face: "regular", anchor, fill };
}

function layerText(box: Box, bounds: Bounds, theme: Theme, ink: string, soft: string, fill: string): Command[] {
  const left = bounds.x + PAD;
  const right = bounds.x + bounds.width - PAD;
  const room = bounds.width - 2 * PAD;
  const fold = box.form === "layer" ? 0 : 16;
  const shareRoom = box.share ? textWidth(box.share, SMALL, "regular") + 12 : 0;
  const texts: Command[] = [];
  if (fold) texts.push(toggle(left - 2, bounds.y + 20, "▸", soft));
  const name = fitted(box.name, room - fold - shareRoom - repeatRoom(box), NAME, true);
  texts.push(...drawRepeat(box, left + fold + textWidth(name, NAME, "bold") + 9, bounds.y + 20, fill, ink));
  texts.push({
    kind: "text",
    x: left + fold,
    y: bounds.y + 20,
    text: name,
    size: NAME,
    face: "bold",
    anchor: "start",
    fill: ink,
  });
  if (box.share) texts.push(line(right, bounds.y + 20, box.share, soft, "end"));
  texts.push(...detailLine(box, left, bounds.y + 37, room, readable(fill, theme.error, ink), soft));
  const countRoom = box.count ? textWidth(box.count, SMALL, "regular") + 10 : 0;
  const shape = fitText(box.shape, room - countRoom, CODE, "mono");
  texts.push({
    kind: "text",
    x: left,
    y: bounds.y + 54,
    text: shape,
    size: CODE,
    face: "mono",
    anchor: "start",
    fill: soft,
  });
  if (box.count) texts.push(line(right, bounds.y + 54, box.count, soft, "end"));
  return texts;
}

/** Type and settings, then remarks; a failure first and in its color, where that is readable. */
function detailLine(box: Box, x: number, y: number, room: number, failed: string, soft: string): Command[] {
  const rest = besideFailure(box);
  if (!box.failed) return [line(x, y, fitted(rest, room, SMALL), soft)];
  return [
    { ...line(x, y, FAILED, failed), face: "bold" },
    line(x + FAILED_WIDTH, y, fitted(rest, room - FAILED_WIDTH, SMALL), soft),
  ];
}

function toggle(x: number, y: number, text: string, fill: string): Text {
  return { ...line(x, y, text, fill), size: NAME, part: "toggle" };
}

/** The ground of an open frame; deeper ones are a shade apart from what is around them. */
export function drawFrame(box: Box, bounds: Bounds, state: BoxState, theme: Theme): Command[] {
  const shade = mix(theme.bg, theme.muted, Math.min(0.035 * (state.depth + 1), 0.14));
  return [
    {
      kind: "rect",
      ...bounds,
      radius: 10,
      fill: shade,
      stroke: state.selected ? theme.accent : box.failed ? theme.error : theme.border,
      strokeWidth: state.selected ? 2.2 : 1,
      ...(box.inferred ? { dash: DASH } : {}),
    },
  ];
}

/** The title of an open frame: drawn over the edges that pass through. */
export function drawHeader(box: Box, bounds: Bounds, state: BoxState, theme: Theme): Command[] {
  const halo = mix(theme.bg, theme.muted, Math.min(0.035 * (state.depth + 1), 0.14));
  const ink = readable(halo, theme.text);
  const soft = readable(halo, theme.muted, theme.text);
  const y = bounds.y + HEADER / 2 + 5;
  const left = bounds.x + PAD;
  const room = bounds.width - 2 * PAD - 16;
  const right = bounds.x + bounds.width - PAD;
  const totals = totalsBeside(box, right, left + 16, state.crossings);
  const totalsWidth = totals ? textWidth(totals, SMALL, "regular") + 16 : 0;
  const name = fitted(box.name, Math.max(40, room - totalsWidth - repeatRoom(box)), NAME, true);
  const nameEnd = left + 16 + textWidth(name, NAME, "bold");
  const detailLeft = nameEnd + 10 + repeatRoom(box);
  const detail = [box.detail, ...box.marks].join(" · ");
  const crossing = Math.min(...state.crossings.filter((x) => x > detailLeft).map((x) => x - 8));
  const detailRoom = Math.min(right - totalsWidth, crossing) - detailLeft;
  const commands: Command[] = [
    { ...toggle(left - 2, y, "▾", soft), halo },
    { kind: "text", x: left + 16, y, text: name, size: NAME, face: "bold", anchor: "start", fill: ink, halo },
    ...drawRepeat(box, nameEnd + 8, y, halo, ink),
  ];
  const [, short = ""] = detail.split(" · ");
  const shown = [detail, short].find((text) => text !== "" && textWidth(text, SMALL, "regular") <= detailRoom);
  if (shown) commands.push({ ...line(detailLeft, y, shown, soft), halo });
  if (totals) commands.push({ ...line(right, y, totals, soft, "end"), halo });
  return commands;
}

/** Count and share as far as they fit between the rightmost edge in the title and its end. */
function totalsBeside(box: Box, right: number, left: number, crossings: readonly number[]): string {
  const name = left + textWidth(box.name, NAME, "bold") + repeatRoom(box) + 12;
  const start = Math.max(name, ...crossings.map((x) => x + 8).filter((x) => x < right));
  const fits = (text: string): boolean => right - textWidth(text, SMALL, "regular") > start;
  return [frameTotals(box), box.count, box.share].find((text) => text !== "" && fits(text)) ?? "";
}
