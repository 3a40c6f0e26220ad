// Line icons, drawn in the color of the text around them.

const PATHS = {
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.3 10.3 14 14",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  expand: "M9.5 2.5h4v4M13.5 2.5 9 7M6.5 13.5h-4v-4M2.5 13.5 7 9",
  shrink: "M13.5 6.5h-4v-4M9.5 6.5 14 2M2.5 9.5h4v4M6.5 9.5 2 14",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  columns: "M2.5 3.5h11v9h-11zM6.2 3.5v9M9.8 3.5v9",
  filter: "M2.5 4h11M4.5 8h7M6.5 12h3",
  save: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M2.5 13.5h11",
  palette: "M8 2.2c3.5 4 4.3 5.4 4.3 7.2a4.3 4.3 0 0 1-8.6 0C3.7 7.6 4.5 6.2 8 2.2z",
  layers: "M8 2.5 14 5.5 8 8.5 2 5.5zM2 8.5l6 3 6-3M2 11.3l6 3 6-3",
  details: "M2.5 3.5h11v9h-11zM9.5 3.5v9M11 6h1M11 8h1",
  alert: "M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.8v.2",
  check: "M3.5 8.5l3 3 6-7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="nbviz-icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
