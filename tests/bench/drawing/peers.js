// Other ways to draw the same arrangement in a page, with the same wheel and drag: `peers.svg()` and `peers.canvas()`.
//
// A page gives `window.drawing` (places.mjs). Each peer draws in the frame after an event, once for all events before it.
(() => {
  /** As in nbviz, so that the same input makes the same movements. */
  const SPEED = 0.0018;

  /** Pan and zoom of a whole window; `moved` runs in the next frame after a change. */
  function camera(element, { boxes }, moved) {
    const right = boxes.reduce((most, [x, , width]) => Math.max(most, x + width), 0);
    const bottom = boxes.reduce((most, [, y, , height]) => Math.max(most, y + height), 0);
    const view = { k: 0.6, x: innerWidth / 2 - 0.3 * right, y: 24 };
    let asked = false;
    const change = (k, x, y) => {
      Object.assign(view, { k, x, y });
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        moved(view);
      });
    };
    element.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const k = Math.min(3, Math.max(1e-5, view.k * Math.exp(-event.deltaY * SPEED)));
        const follow = (at, middle) => middle - ((middle - at) / view.k) * k;
        change(k, follow(view.x, event.clientX), follow(view.y, event.clientY));
      },
      { passive: false },
    );
    element.addEventListener("pointermove", (event) => {
      if (event.buttons) change(view.k, view.x + event.movementX, view.y + event.movementY);
    });
    window.scale = () => view.k;
    window.fit = () => {
      const k = Math.min(innerWidth / right, innerHeight / bottom) * 0.94;
      change(k, (innerWidth - right * k) / 2, (innerHeight - bottom * k) / 2);
    };
    return view;
  }

  /** Everything as elements; moving sets one transform. */
  function svg() {
    const { boxes, edges } = window.drawing;
    const inert = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    const lines = edges.map(([x, y, ...curves]) => `<path d="M${x} ${y}C${curves.join(" ")}"/>`);
    const shapes = boxes.map(
      ([x, y, width, height, text, frame]) =>
        `<g><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="${frame ? "#f4f4f4" : "#cde"}"/>` +
        `<text x="${x + 12}" y="${y + 24}">${inert(text)}</text></g>`,
    );
    document.body.innerHTML =
      `<svg width="${innerWidth}" height="${innerHeight}" style="display:block;font:13px sans-serif">` +
      `<g id="all">${shapes.join("")}<g fill="none" stroke="#888">${lines.join("")}</g></g></svg>`;
    const all = document.getElementById("all");
    const moved = ({ k, x, y }) => all.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
    moved(camera(document.body, window.drawing, moved));
  }

  /** Everything that meets the window in every frame, in full detail however small. */
  function canvas() {
    const { boxes, edges } = window.drawing;
    const extents = edges.map((points) => {
      const ys = points.filter((_, i) => i % 2);
      return [Math.min(...ys), Math.max(...ys)];
    });
    document.body.innerHTML = `<canvas width="${innerWidth}" height="${innerHeight}" style="display:block"></canvas>`;
    const context = document.querySelector("canvas").getContext("2d");
    const moved = ({ k, x, y }) => {
      const [top, bottom] = [-y / k, (innerHeight - y) / k];
      const [left, right] = [-x / k, (innerWidth - x) / k];
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, innerWidth, innerHeight);
      context.setTransform(k, 0, 0, k, x, y);
      context.font = "13px sans-serif";
      for (const [bx, by, width, height, text, frame] of boxes) {
        if (by > bottom || by + height < top || bx > right || bx + width < left) continue;
        context.fillStyle = frame ? "#f4f4f4" : "#cde";
        context.beginPath();
        context.roundRect(bx, by, width, height, 8);
        context.fill();
        context.fillStyle = "#000";
        context.fillText(text, bx + 12, by + 24);
      }
      context.strokeStyle = "#888";
      edges.forEach((points, e) => {
        if (extents[e][0] > bottom || extents[e][1] < top) return;
        context.beginPath();
        context.moveTo(points[0], points[1]);
        for (let i = 2; i < points.length; i += 6) context.bezierCurveTo(...points.slice(i, i + 6));
        context.stroke();
      });
    };
    moved(camera(document.body, window.drawing, moved));
  }

  window.peers = { svg, canvas };
})();
