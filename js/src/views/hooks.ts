// Preact hooks that join components to the store and to the size of their element.
import type { RefObject } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useReducer, useState } from "preact/hooks";
import type { PageSource } from "../page";
import type { State } from "../state";
import type { Change, Store } from "../store";
import type { Theme } from "../theme";
import type { GraphHandle } from "./graph";

/** What a saved page is made of, with the payload as gzip bytes. */
export type Source = PageSource & { readonly payload: Uint8Array };

/** What every component of one display may use. */
export interface Display {
  readonly store: Store;
  /** Whether this is a saved page, which fills its window and has no notebook around it. */
  readonly page: boolean;
  source(): Source;
  /** Of the host around it, at this moment. */
  theme(): Theme;
  /** The graph of this display, null until it is ready. */
  readonly graph: { current: GraphHandle | null };
  /** Say something to a screen reader, and for a moment on screen. */
  announce(text: string): void;
}

export const DisplayContext = createContext<Display | null>(null);

export function useDisplay(): Display {
  const display = useContext(DisplayContext);
  if (!display) throw new Error("nbviz: a component stands outside its display.");
  return display;
}

/** The state, drawn again when one of `keys` changes. */
export function useStore(store: Store, ...keys: readonly Change[]): State {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const wanted = keys.join();
  useLayoutEffect(() => {
    const end = new AbortController();
    const before = store.state;
    store.subscribe((changed) => {
      if (wanted.split(",").some((key) => changed.has(key as Change))) redraw(undefined);
    }, end.signal);
    if (store.state !== before) redraw(undefined);
    return () => end.abort();
  }, [store, wanted]);
  return store.state;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

function sizeOf(element: HTMLElement | null): Size | null {
  const { clientWidth: width = 0, clientHeight: height = 0 } = element ?? {};
  return width > 0 ? { width, height } : null;
}

/** The element's size as it changes; null while it has none (a hidden tab, a closed cell). */
export function useSize(element: RefObject<HTMLElement>): Size | null {
  // What stands already is measured before it is drawn, else all that depends on its size would be drawn twice.
  const [size, setSize] = useState(() => sizeOf(element.current));
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const measure = () => {
      const now = sizeOf(target);
      if (now) setSize((old) => (old?.width === now.width && old.height === now.height ? old : now));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    measure();
    return () => observer.disconnect();
  }, [element]);
  return size;
}

/** Run `listen` while the component is on screen; it gets a signal that ends with it. */
export function useSignal(listen: (signal: AbortSignal) => void, inputs: readonly unknown[]): void {
  useEffect(() => {
    const end = new AbortController();
    listen(end.signal);
    return () => end.abort();
  }, inputs as unknown[]);
}

/** Keep a key from the notebook, whose shortcuts would act on it too. */
export function handled(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
