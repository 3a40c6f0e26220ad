// Says on the console when a viewer's graph has been there for a whole frame; after works.js, with the viewer's name in benchViewer.
(() => {
  const THERE = {
    nbviz: () => benchShows(document),
    // its page is called "default" once the boxes, which stand in the document from the beginning, have got their places
    netron: () => document.body?.classList.contains("default") && document.querySelector(".node[transform]"),
    model_explorer: () => document.querySelector("canvas.main")?.width && !document.querySelector("mat-spinner, .loading"),
  };
  const there = THERE[benchViewer];
  const works = benchViewer === "nbviz" ? () => benchWorks(document) : () => true;
  const look = () => requestAnimationFrame(there() ? say : look);
  const say = () => (works() ? console.log("bench: the graph is there") : look());
  requestAnimationFrame(look);
})();
