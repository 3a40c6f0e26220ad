// Where the window looks: at first, when it changes its size, and where somebody or the selection wants it.
import { boundsOf, type Graph, type Marks } from "../scene";
import { aimOf, isInView, selectionOf, wholeOf } from "./graph-aim";
import { coveredBy } from "./graph-minimap";
import type { Viewport } from "./graph-viewport";

export interface Subject {
  readonly graph: Graph | null;
  readonly marks: Marks;
}

export class Camera {
  readonly #view: Viewport;
  readonly #subject: () => Subject;
  /** Whether the view is still the one that we chose. */
  #untouched = true;

  constructor(view: Viewport, subject: () => Subject) {
    this.#view = view;
    this.#subject = subject;
  }

  /** Somebody moves the view, or works with what it shows: from now on it is theirs. */
  touch(change: () => void = () => {}): void {
    this.#untouched = false;
    change();
  }

  /** A first look at a graph; at what is selected, if that is out of sight. */
  start(): void {
    this.#untouched = true;
    const { graph, marks } = this.#subject();
    if (!graph || graph.count === 0 || this.#view.width === 0) return;
    this.#view.start(wholeOf(graph), boundsOf(graph, 0), graph.direction, coveredBy(graph, this.#view));
    const aim = aimOf(graph, marks);
    if (!aim) return;
    this.goToSelection();
    // In sight is more than its middle; a frame that is wider than the window has nowhere to go.
    if (this.#untouched && aim.width * this.#view.k < this.#view.width) this.#view.reveal(aim);
  }

  /** The window has another size, with `moved` called as soon as that is known. */
  resize({ clientWidth, clientHeight }: Element, moved: () => void): void {
    const { width, height } = this.#view;
    // Hidden tabs and closed cells have no size: keep the view for when it comes back.
    if (clientWidth === 0 || clientHeight === 0) return;
    const { graph, marks } = this.#subject();
    this.#view.width = clientWidth;
    this.#view.height = clientHeight;
    this.#view.setWhole(wholeOf(graph));
    moved();
    if (this.#untouched || width === 0) {
      this.start();
      return;
    }
    // An inspector opens beside a click: what was clicked stays under the pointer, unless it would be hidden.
    const selected = aimOf(graph, marks);
    if (selected && (clientWidth < width || clientHeight < height)) this.#view.reveal(selected);
  }

  goToSelection(): void {
    const { graph, marks } = this.#subject();
    const aim = aimOf(graph, marks);
    if (!graph || !aim || this.#view.width === 0 || isInView(graph, marks, this.#view)) return;
    this.touch(() => this.#view.centre(aim));
  }

  fit(): void {
    this.#untouched = true;
    this.#view.fit(wholeOf(this.#subject().graph));
  }

  zoomToSelection(): void {
    const { graph, marks } = this.#subject();
    const selection = selectionOf(graph, marks);
    if (selection) this.touch(() => this.#view.fit(selection, 1.2));
    else this.fit();
  }
}
