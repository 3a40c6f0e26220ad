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

/** Variables may hold any CSS color: the page computes them, through elements without transitions, and all at once. */
function coloredTheme(watched: HTMLElement): Theme {
  const probes = Object.entries(COLORS).map(([key, name]) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name}, ${LIGHT[key as keyof typeof COLORS]})`;
    return [key, probe] as const;
  });
  watched.append(...probes.map(([, probe]) => probe));
  const computed = probes.map(([key, probe]) => [key, getComputedStyle(probe).color] as const);
  for (const [, probe] of probes) probe.remove();
  // What is not written as red, green and blue, such as an oklch, says nothing here: then it is as the view around it.
  const colors: Partial<Theme> = Object.fromEntries(computed.filter(([, color]) => /^rgba?\(/.test(color)));
  const isDark = colors.bg ? !luminous(colors.bg) : watched.closest('.nbviz[data-theme="dark"]') !== null;
  return { ...(isDark ? DARK : LIGHT), ...colors };
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
  const theme = coloredTheme(watched);
  const style = getComputedStyle(element);
  const font = style.getPropertyValue("--nbviz-font").trim() || theme.font;
  const mono = style.getPropertyValue("--nbviz-mono").trim() || theme.mono;
  return {
    ...theme,
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
