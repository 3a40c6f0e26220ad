// Resolved colors and fonts: a picture can be drawn without a page.

export interface Theme {
  readonly bg: string;
  readonly panel: string;
  readonly border: string;
  readonly text: string;
  readonly muted: string;
  readonly accent: string;
  readonly accentSoft: string;
  readonly heat: string;
  readonly shape: string;
  readonly error: string;
  readonly font: string;
  readonly mono: string;
  /** Drawn font size by nominal one: below 1 where the host's font is wider than the bundled widths. */
  readonly fontScale: number;
  readonly boldScale: number;
  readonly monoScale: number;
}

export const LIGHT: Theme = {
  bg: "#ffffff",
  panel: "#f6f8fa",
  border: "#d0d7de",
  text: "#1f2328",
  muted: "#59636e",
  accent: "#0969da",
  accentSoft: "#ddf4ff",
  heat: "#e8853a",
  shape: "#7c3aed",
  error: "#cf222e",
  font: "system-ui, sans-serif",
  mono: "ui-monospace, monospace",
  fontScale: 1,
  boldScale: 1,
  monoScale: 1,
};

export const DARK: Theme = {
  ...LIGHT,
  bg: "#111316",
  panel: "#1b1f24",
  border: "#3a424b",
  text: "#e6edf3",
  muted: "#9aa4af",
  accent: "#58a6ff",
  accentSoft: "#14294a",
  heat: "#d9773f",
  shape: "#b58cff",
  error: "#ff7b72",
};
