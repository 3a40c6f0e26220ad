// A picture on paper, or as the PDF that browsers print into.

/** Print a picture in place of the page that we are; the sheet says how, see `print.css`. */
export async function printPicture(svg: string): Promise<void> {
  const image = document.createElement("img");
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  image.className = "nbviz-print";
  image.alt = "";
  image.src = url;
  document.body.append(image);
  const done = () => {
    image.remove();
    URL.revokeObjectURL(url);
  };
  let prints = false;
  const begin = () => {
    prints = true;
  };
  window.addEventListener("beforeprint", begin, { once: true });
  window.addEventListener("afterprint", done, { once: true });
  await image.decode();
  window.print();
  if (prints) return;
  // A sandboxed frame ignores it in silence.
  window.removeEventListener("beforeprint", begin);
  window.removeEventListener("afterprint", done);
  done();
  throw new Error("this frame may not print; save it as .svg or .png");
}
