// Filling the window with one display, and going back into the notebook.
import { useLayoutEffect, useState } from "preact/hooks";

/**
 * Whether the display fills the window, and a function that changes it.
 *
 * A popover is drawn in the browser's top layer, so it covers the page although cells of a notebook clip and move what is
 * in them; and the element keeps its place in the document, so that nothing of its state is lost.
 */
export function useFill(root: HTMLElement): [boolean, (full: boolean) => void] {
  const [full, setFull] = useState(false);
  useLayoutEffect(() => {
    if (!full) return;
    const holder = root.parentElement;
    const height = root.getBoundingClientRect().height;
    // Without this the notebook would jump while its cell is empty.
    holder?.style.setProperty("min-height", `${height}px`);
    root.classList.add("is-full");
    if (typeof root.showPopover === "function") {
      root.popover = "manual";
      root.showPopover();
    }
    return () => {
      root.classList.remove("is-full");
      root.removeAttribute("popover");
      holder?.style.removeProperty("min-height");
    };
  }, [full, root]);
  return [full, setFull];
}
