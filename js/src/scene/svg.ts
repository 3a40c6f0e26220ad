// The SVG backend: commands to elements, as text for files and headless use, as attributes for a page.
import type { Command, Item, Text } from "./commands";
import type { Graph } from "./graph";
import { drawLegend } from "./legend";
import { drawScene, type Look, type Marks } from "./scene";
import type { Theme } from "./theme";

export interface Element {
  readonly tag: "rect" | "path" | "text";
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
}

export const round = (n: number): string => String(Math.round(n * 100) / 100);

export function pathData(curve: Float64Array | readonly number[], closed = false): string {
  const at = (i: number): string => `${round(curve[i] as number)} ${round(curve[i + 1] as number)}`;
  let data = `M${at(0)}`;
  if (closed) {
    for (let i = 2; i < curve.length; i += 2) data += `L${at(i)}`;
    return `${data}Z`;
  }
  for (let i = 2; i + 5 < curve.length; i += 6) data += `C${at(i)} ${at(i + 2)} ${at(i + 4)}`;
  return data;
}

function scaleOf(face: Text["face"], theme: Theme): number {
  return face === "mono" ? theme.monoScale : face === "bold" ? theme.boldScale : theme.fontScale;
}

/** One command as an element; the same for a page and for a file. */
export function toElement(command: Command, theme: Theme): Element {
  switch (command.kind) {
    case "rect": {
      const { x, y, width, height, radius, fill, stroke, strokeWidth, dash } = command;
      const attributes = {
        x: round(x),
        y: round(y),
        width: round(width),
        height: round(height),
        rx: round(radius),
        fill,
        stroke,
        "stroke-width": round(strokeWidth),
        ...(dash ? { "stroke-dasharray": dash } : {}),
      };
      return { tag: "rect", attributes, text: "" };
    }
    case "path": {
      const { curve, closed, fill, stroke, strokeWidth, dash } = command;
      const d = pathData(curve, closed);
      const dashes: Record<string, string> = dash ? { "stroke-dasharray": dash } : {};
      return { tag: "path", attributes: { d, fill, stroke, "stroke-width": round(strokeWidth), ...dashes }, text: "" };
    }
    case "text": {
      const mono = command.face === "mono";
      const halo: Record<string, string> = command.halo
        ? { stroke: command.halo, "stroke-width": "4", "stroke-linejoin": "round", "paint-order": "stroke" }
        : {};
      const attributes: Record<string, string> = {
        x: round(command.x),
        y: round(command.y),
        fill: command.fill,
        "text-anchor": command.anchor,
        "font-size": round(command.size * scaleOf(command.face, theme)),
        "font-family": mono ? theme.mono : theme.font,
        ...(command.face === "bold" ? { "font-weight": "600" } : {}),
        ...(command.part ? { "data-part": command.part } : {}),
        ...halo,
      };
      return { tag: "text", attributes, text: command.text };
    }
  }
}

// Characters that XML does not allow even escaped.
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Surrogate}]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Names of layers are anybody's text: they never become markup. */
export function escapeXml(text: string): string {
  return text.replace(FORBIDDEN, "").replace(/[&<>"']/g, (c) => ESCAPES[c] as string);
}

export function markup(command: Command, theme: Theme): string {
  if (command.kind === "text" && command.text === "") return "";
  const { tag, attributes, text } = toElement(command, theme);
  const list = Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeXml(value)}"`);
  return text ? `<${tag}${list.join("")}>${escapeXml(text)}</${tag}>` : `<${tag}${list.join("")}/>`;
}

export function group(item: Item, graph: Graph, look: Look, marks: Marks): string {
  const box = item.layer === "node" || item.layer === "header" ? graph.box(item.index) : undefined;
  const title = box ? `<title>${escapeXml(box.label)}</title>` : "";
  const dimmed = box && marks.dimmed?.[item.index] ? ' opacity="0.25"' : "";
  return `<g${dimmed}>${title}${item.commands.map((c) => markup(c, look.theme)).join("")}</g>`;
}

const MARGIN = 24;

/** The whole picture as one SVG document, with its legend. */
export function sceneToSvg(graph: Graph, look: Look, marks: Marks, title: string, lay: typeof inOne = inOne): string {
  const legend = drawLegend(look);
  const page = lay(graph, look, marks);
  const width = Math.ceil(Math.max(page.width, legend?.width ?? 0) + 2 * MARGIN);
  const legendTop = page.height + 2 * MARGIN;
  const height = Math.ceil(legendTop + (legend ? legend.height + MARGIN : 0));
  const legendMarkup = legend
    ? `<g transform="translate(${width - legend.width - MARGIN} ${legendTop})">${legend.commands.map((c) => markup(c, look.theme)).join("")}</g>`
    : "";
  // Without whole pixels for letters, as on the canvas.
  const exact = 'text-rendering="geometricPrecision"';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${exact} role="img" aria-label="${escapeXml(title)}">`,
    `<rect width="100%" height="100%" fill="${escapeXml(look.theme.bg)}"/>`,
    `<g transform="translate(${MARGIN} ${MARGIN})">${page.body}</g>`,
    `${legendMarkup}</svg>`,
  ].join("\n");
}

/** The body of a document, and its size. */
export interface Page {
  readonly width: number;
  readonly height: number;
  readonly body: string;
}

export function inOne(graph: Graph, look: Look, marks: Marks): Page {
  const body = drawScene(graph, look, marks).map((item) => group(item, graph, look, marks));
  return { width: graph.layout.totalWidth, height: graph.layout.totalHeight, body: body.join("") };
}
