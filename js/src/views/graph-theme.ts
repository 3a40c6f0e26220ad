// The host's colors and fonts, resolved into plain values for drawing, and word when they change.
import { DARK, LIGHT, REFERENCE_BOLD_WIDTH, REFERENCE_TEXT, REFERENCE_WIDTH, type Theme } from "../scene";

const COLORS = {
  bg: "--nbviz-bg",
  panel: "--nbviz-panel",
  border: "--nbviz-border",
  text: "--nbviz-text",
  muted: "--nbviz-muted",
  accent: "--nbviz-accent",
  accentSoft: "--nbviz-accent-soft",
  heat: "--nbviz-heat",
  shape: "--nbviz-shape",
  error: "--nbviz-error",
} as const;

type Colors = Record<keyof typeof COLORS, string>;

/** Variables may hold any CSS color: the page computes them, through elements without transitions, and all at once. */
function resolveColors(watched: HTMLElement): Colors {
  const keys = Object.keys(COLORS) as (keyof typeof COLORS)[];
  const probes = keys.map((key) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${COLORS[key]}, ${LIGHT[key]})`;
    return probe;
  });
  watched.append(...probes);
  // What is not written as red, green and blue, such as an oklch, says nothing here.
  const found = probes.map((probe) => /^rgba?\(.*/.exec(getComputedStyle(probe).color)?.[0]);
  for (const probe of probes) probe.remove();
  const ground = found[keys.indexOf("bg")];
  const base = ground && !luminous(ground) ? DARK : LIGHT;
  return Object.fromEntries(keys.map((key, i) => [key, found[i] ?? base[key]])) as Colors;
}

/** How much smaller a font has to be drawn so that texts keep to the bundled widths. */
function scaleOf(font: string, text: string, width: number, weight = ""): number {
  const context = document.createElement("canvas").getContext?.("2d");
  if (!context) return 1;
  context.font = `${weight}100px ${font}`;
  const measured = context.measureText(text).width / 100;
  return measured > width ? Math.max(0.75, width / measured) : 1;
}

export function readTheme(element: HTMLElement, watched: HTMLElement): Theme {
  const colors = resolveColors(watched);
  const base = luminous(colors.bg) ? LIGHT : DARK;
  const style = getComputedStyle(element);
  const font = style.getPropertyValue("--nbviz-font").trim() || base.font;
  const mono = style.getPropertyValue("--nbviz-mono").trim() || base.mono;
  return {
    ...base,
    ...colors,
    font,
    mono,
    fontScale: scaleOf(font, REFERENCE_TEXT, REFERENCE_WIDTH),
    boldScale: scaleOf(font, REFERENCE_TEXT, REFERENCE_BOLD_WIDTH, "600 "),
    monoScale: scaleOf(mono, "0".repeat(20), 20 * 0.605),
  };
}

function luminous(color: string): boolean {
  const [r = 255, g = 255, b = 255] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 110;
}

/**
 * Call `heard` when the host's colors may have changed.
 *
 * Hosts swap classes, attributes or whole style sheets. Whatever they do, the probe's color changes with it, and its
 * transition says so; the observer covers pages that forbid transitions.
 */
export function watchTheme(element: HTMLElement, probe: HTMLElement, heard: () => void, signal: AbortSignal): void {
  const look = () => {
    if (element.isConnected) heard(); // outside the page there are no colors to read
  };
  probe.addEventListener("transitionrun", look, { signal });
  const observer = new MutationObserver(look);
  const root = element.closest(".nbviz");
  for (const watched of [root, document.documentElement, document.body]) {
    if (watched)
      observer.observe(watched, {
        attributes: true,
        attributeFilter: ["class", "style", "data-theme", "data-jp-theme-name"],
      });
  }
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}
