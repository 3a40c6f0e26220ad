// TanStack's virtualizer as a hook: only rows near the window are in the document.
import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type Range,
  type VirtualItem,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

interface Options {
  readonly count: number;
  readonly scroller: RefObject<HTMLElement>;
  readonly rowHeight: number;
  /** Height of the sticky heading inside the scroller. */
  readonly heading: number;
  /** A row that stays in the document wherever the window is: the keyboard's. */
  readonly keep: number;
}

export interface Virtual {
  readonly items: readonly VirtualItem[];
  readonly height: number;
  /** Rows that fit the window. */
  readonly page: number;
  reveal(index: number): void;
}

export function useVirtual({ count, scroller, rowHeight, heading, keep }: Options): Virtual {
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const held = useRef<Virtualizer<HTMLElement, HTMLElement> | null>(null);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    overscan: 8,
    paddingStart: heading,
    scrollPaddingStart: heading,
    // A widget begins at 0 x 0 in a hidden tab: draw a first screen without knowing better.
    initialRect: { width: 600, height: 600 },
    rangeExtractor: (range: Range) => {
      const rows = defaultRangeExtractor(range);
      return keep < 0 || keep >= count || rows.includes(keep) ? rows : [...rows, keep].sort((a, b) => a - b);
    },
    onChange: () => redraw(undefined),
  };
  held.current ??= new Virtualizer<HTMLElement, HTMLElement>(options);
  const virtualizer = held.current;
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    items: virtualizer.getVirtualItems(),
    height: virtualizer.getTotalSize(),
    page: Math.max(Math.floor(((scroller.current?.clientHeight ?? 600) - heading) / rowHeight) - 1, 1),
    reveal: (index) => virtualizer.scrollToIndex(index, { align: "auto" }),
  };
}
