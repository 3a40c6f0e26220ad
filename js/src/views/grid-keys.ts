// The keyboard of the table: what each key means, apart from how it is drawn.

export type Command =
  | { readonly do: "move"; readonly to: number; readonly extend: boolean }
  | { readonly do: "select"; readonly add: boolean }
  | { readonly do: "open" | "close" | "parent" | "all" | "clear" };

interface Where {
  readonly index: number;
  readonly count: number;
  readonly page: number;
  /** Whether the row is open; null when it has nothing inside, or the list is flat. */
  readonly open: boolean | null;
}

/** null for keys that the table leaves alone. */
export function commandOf(event: KeyboardEvent, { index, count, page, open }: Where): Command | null {
  const move = (to: number): Command => ({
    do: "move",
    to: Math.min(Math.max(to, 0), count - 1),
    extend: event.shiftKey,
  });
  const modified = event.ctrlKey || event.metaKey;
  switch (event.key) {
    case "ArrowDown":
      return move(index + 1);
    case "ArrowUp":
      return move(index - 1);
    case "PageDown":
      return move(index + page);
    case "PageUp":
      return move(index - page);
    case "Home":
      return move(0);
    case "End":
      return move(count - 1);
    case "ArrowRight":
      return open === true ? move(index + 1) : open === false ? { do: "open" } : null;
    case "ArrowLeft":
      return open === true ? { do: "close" } : { do: "parent" };
    case "Enter":
    case " ":
      return { do: "select", add: modified };
    case "a":
      return modified ? { do: "all" } : null;
    case "Escape":
      return { do: "clear" };
    default:
      return null;
  }
}
