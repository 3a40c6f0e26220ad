// Whether a view of nbviz shows: rows and boxes stand, the canvas is drawn. Whether one can work with it: a click on a box selects it.
(() => {
  let probe;

  const drawn = (canvas) => {
    if (!canvas?.width || !canvas.height) return false;
    probe ??= new OffscreenCanvas(32, 32).getContext("2d", { willReadFrequently: true });
    probe.clearRect(0, 0, 32, 32);
    probe.drawImage(canvas, 0, 0, 32, 32);
    return probe.getImageData(0, 0, 32, 32).data.some((value) => value > 0);
  };

  /** A box that a hand could reach. */
  const reached = (view) => {
    for (const box of view.querySelectorAll('[role="tree"] [role="treeitem"]')) {
      const { left, top, width, height } = box.getBoundingClientRect();
      const middle = { clientX: left + width / 2, clientY: top + height / 2, bubbles: true };
      if (box.contains(document.elementFromPoint(middle.clientX, middle.clientY))) return { box, middle };
    }
    return null;
  };

  const shown = (around) => {
    const view = around.querySelector(".nbviz");
    const isDrawn = view?.querySelector("[data-row]") && drawn(view.querySelector("canvas.nbviz-graph-canvas"));
    return isDrawn ? reached(view) : null;
  };

  globalThis.benchShows = (around) => shown(around) !== null;

  globalThis.benchWorks = (around) => {
    const { box, middle } = shown(around) ?? {};
    if (!box) return false;
    if (box.ariaSelected === "true") return true;
    box.dispatchEvent(new MouseEvent("click", middle));
    return box.ariaSelected === "true";
  };
})();
