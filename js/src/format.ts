// How numbers, sizes and shapes read; unknown values are a dash, never 0.
import type { Dim } from "./wire";

export const DASH = "–";

// No Intl: the embedded V8 that draws pictures in Python may be built without it.
const grouped = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");

const unknown = (n: number | null | undefined): n is null | undefined =>
  n === null || n === undefined || Number.isNaN(n);

/** "1,234,567". */
export function formatCount(n: number | null | undefined): string {
  return unknown(n) ? DASH : grouped(n);
}

/** "1.2 M": one decimal below a hundred, none above. */
export function shortCount(n: number | null | undefined): string {
  if (unknown(n)) return DASH;
  const units = ["", " k", " M", " G", " T", " P"];
  let value = n;
  let unit = 0;
  // 999,950 would print as "1000 k": step up wherever rounding reaches a thousand.
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 0 && Math.abs(value) < 99.95 ? 1 : 0;
  return value.toFixed(digits) + units[unit];
}

/** "97.80 MB", 1024-based, as Keras prints sizes. */
export function formatBytes(n: number | null | undefined): string {
  if (unknown(n)) return DASH;
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(2)} ${units[unit]}`;
}

/** A number of a user's own column or of weight statistics: four significant digits, whole numbers in full. */
export function formatNumber(n: number | null | undefined): string {
  if (unknown(n)) return DASH;
  if (!Number.isFinite(n)) return n > 0 ? "∞" : "−∞";
  if (Number.isInteger(n)) return grouped(n);
  return Math.abs(n) < 1e-4 || Math.abs(n) >= 1e9 ? n.toExponential(2) : String(Number(n.toPrecision(4)));
}

const dim = (d: Dim): string => (d === null ? "None" : String(d));

/** "(None, 7, 7, 2048)" as Python prints it, "?" for unknown rank. */
export function formatShape(dims: readonly Dim[] | null | undefined): string {
  if (!dims) return "?";
  return dims.length === 1 ? `(${dim(dims[0] ?? null)},)` : `(${dims.map(dim).join(", ")})`;
}

/** "7×7×2048": compact, without a free batch, of which a tensor may have none. */
export function edgeShape(dims: readonly Dim[] | null | undefined, batched = true): string {
  if (!dims) return "?";
  const rest = batched && dims[0] === null ? dims.slice(1) : dims;
  return rest.length === 0 ? "scalar" : rest.map(dim).join("×");
}

/** "2.3 %" of a share between 0 and 1. */
export function percent(share: number | null | undefined): string {
  if (unknown(share)) return DASH;
  const value = share * 100;
  if (value === 0) return "0 %";
  if (value < 0.1) return "<0.1 %";
  return value >= 99.95 ? "100 %" : `${value.toFixed(1)} %`;
}
