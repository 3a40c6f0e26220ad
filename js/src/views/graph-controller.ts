// One display of the graph: follows the store, paints what changed, turns gestures and keys into state.
import { openPaths, setOpen } from "../outline";
import {
  type Box,
  boundsOf,
  buildGraph,
  drawHits,
  drawOne,
  drawScene,
  findBox,
  type Graph,
  hitKey,
  type Look,
  lookOf,
  type Marks,
  OPEN,
  sceneToSvg,
  type Theme,
} from "../scene";
import type { Item } from "../scene/commands";
import { matchingRows } from "../search";
import { selectOne, selectToggle } from "../select";
import type { Change, Store } from "../store";
import { aimOf, isInView, selectionOf, wholeOf } from "./graph-aim";
import { anchorOf, indexOf } from "./graph-anchor";
import { dressEdge, dressHit, dressPicture } from "./graph-dress";
import { listen } from "./graph-gestures";
import { showNeighbours } from "./graph-hover";
import { stepOf } from "./graph-keys";
import { dimmedBoxes, markedBoxes } from "./graph-marks";
import { Painter } from "./graph-painter";
import { readTheme, watchTheme } from "./graph-theme";
import { Viewport } from "./graph-viewport";
import { walk } from "./graph-walk";

const REBUILD: readonly Change[] = ["payload", "expanded", "depth", "groups", "direction"];
const RECOLOR: readonly Change[] = ["color_by", "extra_columns"];
const REMARK: readonly Change[] = ["selection", "focus", "search"];

/** What the component around shows beside the picture. */
export interface Shown {
  readonly look: Look | null;
  readonly boxes: number;
}

export interface Surroundings {
  readonly store: Store;
  readonly surface: SVGSVGElement;
  readonly container: HTMLElement;
  readonly probe: HTMLElement;
  readonly signal: AbortSignal;
  shown(shown: Shown): void;
}

export class GraphController {
  readonly #around: Surroundings;
  readonly #painter = new Painter();
  readonly #view: Viewport;
  #theme: Theme;
  #graph: Graph | null = null;
  #look: Look | null = null;
  #marks: Marks = markedBoxes(null, [], null, null);
  /** The box that the tab key reaches. */
  #active = 0;
  #hovered = -1;
  /** The box whose place on screen the next change keeps. */
  #anchor: string | null = null;
  /** Whether the view is still the one that we chose. */
  #untouched = true;
  #ownSelection = false;

  constructor(around: Surroundings) {
    this.#around = around;
    const { surface, container, probe, signal, store } = around;
    this.#view = new Viewport(() => this.#painter.root.setAttribute("transform", this.#view.transform));
    this.#theme = readTheme(container, probe);
    // Boxes hold boxes and are chosen: to assistive technology a tree. Set here, as SVG has no element that is one.
    surface.setAttribute("role", "tree");
    surface.setAttribute("aria-multiselectable", "true");
    surface.replaceChildren(this.#painter.root);
    store.subscribe((changed) => this.#follow(changed), signal);
    watchTheme(container, probe, () => this.#retheme(), signal);
    this.#listen();
    const observer = new ResizeObserver(() => this.#resize());
    observer.observe(container);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    this.#rebuild();
    this.#resize();
  }

  #listen(): void {
    const { surface, signal } = this.#around;
    listen(
      surface,
      {
        pan: (dx, dy) => this.#touch(() => this.#view.panBy(dx, dy)),
        zoom: (factor, x, y) => this.#touch(() => this.#view.zoomAt(factor, x, y)),
        click: (target, event) => this.#click(target, event),
        doubleClick: (target, event) => this.#doubleClick(target, event),
        hover: (target) => this.#hover(target ? this.#boxAt(target) : -1),
      },
      signal,
    );
    surface.addEventListener("keydown", (event) => this.#key(event), { signal });
  }

  #follow(changed: ReadonlySet<Change>): void {
    const has = (keys: readonly Change[]): boolean => keys.some((key) => changed.has(key));
    if (changed.has("hover")) this.#hoverPath(this.#around.store.hover);
    if (has(REBUILD)) this.#rebuild(changed.has("payload") || changed.has("direction"));
    else if (has(RECOLOR)) this.#repaint();
    else if (has(REMARK)) this.#remark();
    if (changed.has("selection") && !this.#ownSelection) this.#goToSelection();
  }

  #retheme(): void {
    const theme = readTheme(this.#around.container, this.#around.probe);
    if (JSON.stringify(theme) === JSON.stringify(this.#theme)) return;
    this.#theme = theme;
    this.#repaint();
  }

  /** Boxes appear, go or move: lay out anew and keep the anchor's place on screen. */
  #rebuild(afresh = false): void {
    const { store } = this.#around;
    const before = this.#graph;
    if (!store.payload) {
      this.#graph = null;
      this.#around.shown({ look: null, boxes: 0 });
      return;
    }
    const { state, payload } = store;
    const graph = buildGraph(payload, openPaths(payload, state), state.groups, state.direction);
    const active = before && before.count > 0 ? before.box(this.#active).key : undefined;
    const anchor = afresh || !before ? null : anchorOf(before, graph, this.#view, this.#anchor);
    const old = before && anchor !== null ? boundsOf(before, indexOf(before, anchor)) : null;
    const focused = this.#around.surface.matches(":focus-within");
    this.#graph = graph;
    this.#active = Math.max(0, active === undefined ? 0 : indexOf(graph, active));
    this.#hovered = -1;
    this.#around.surface.classList.remove("nbviz-hovering");
    this.#repaint();
    // A box that opens becomes a frame: another element, which the keyboard goes on from.
    if (focused) this.#activate(this.#active, false);
    if (afresh || !before) {
      this.#untouched = true;
      this.#start();
    } else if (old && anchor !== null) {
      const now = boundsOf(graph, indexOf(graph, anchor));
      this.#view.panBy((old.x - now.x) * this.#view.k, (old.y - now.y) * this.#view.k);
    }
    this.#anchor = null;
  }

  #repaint(): void {
    const { store, shown } = this.#around;
    if (!this.#graph || !store.payload) return;
    this.#look = lookOf(store.payload, store.state.color_by, store.state.extra_columns, this.#theme);
    this.#marks = this.#marksNow(this.#graph);
    this.#paint(this.#graph, this.#look);
    shown({ look: this.#look, boxes: this.#graph.count });
  }

  #paint(graph: Graph, look: Look): void {
    const items = [...drawScene(graph, look, this.#marks), ...drawHits(graph)];
    this.#painter.paint(items, this.#theme, this.#dress);
  }

  #marksNow(graph: Graph): Marks {
    const { state, payload } = this.#around.store;
    const matching = payload && state.search.trim() ? matchingRows(payload, state.search) : null;
    return markedBoxes(graph, state.selection, state.focus, matching && dimmedBoxes(graph, matching, state.search));
  }

  /** Selection or search changed: draw only the boxes that look different. */
  #remark(): void {
    const [graph, look] = [this.#graph, this.#look];
    if (!graph || !look) return;
    const before = this.#marks;
    this.#marks = this.#marksNow(graph);
    if (before.dimmed !== this.#marks.dimmed) {
      this.#paint(graph, look);
      return;
    }
    const now = this.#marks;
    const changed = new Set([...before.selected, ...before.holding, before.focused]);
    for (const b of [...now.selected, ...now.holding, now.focused]) changed.add(b);
    for (const b of changed) if (b >= 0) this.#redraw(b);
  }

  #redraw(b: number): void {
    const [graph, look] = [this.#graph, this.#look];
    if (!graph || !look) return;
    const layers = graph.visible.kind[b] === OPEN ? (["frame", "header"] as const) : (["node"] as const);
    for (const layer of layers) {
      this.#painter.repaint(drawOne(graph, look, this.#marks, b, layer), this.#theme, this.#dress);
    }
    this.#element(b)?.setAttribute("aria-selected", String(this.#marks.selected.has(b)));
  }

  readonly #dress = (element: SVGGElement, item: Item): void => {
    const graph = this.#graph;
    if (!graph) return;
    if (item.layer === "edge" || item.layer === "label") dressEdge(element, graph, item, this.#marks, this.#hovered);
    else if (item.layer === "hit") dressHit(element, graph, item, this.#marks, item.index === this.#active);
    else dressPicture(element, item, this.#marks);
  };

  // --- gestures -------------------------------------------------------------------------------------------------

  #touch(change: () => void): void {
    this.#untouched = false;
    change();
  }

  #boxOf(b: number): Box | undefined {
    return this.#graph && b >= 0 && b < this.#graph.count ? this.#graph.box(b) : undefined;
  }

  /** The box that an element belongs to, -1 for the background. */
  #boxAt(target: Element): number {
    const at = target.closest("[data-box]")?.getAttribute("data-box");
    return at === null || at === undefined ? -1 : Number(at);
  }

  #click(target: Element, event: MouseEvent): void {
    const graph = this.#graph;
    const b = this.#boxAt(target);
    const box = this.#boxOf(b);
    if (!graph || !box) {
      if (!event.shiftKey && !event.ctrlKey && !event.metaKey)
        this.#select(() => this.#around.store.set({ selection: [], focus: null }));
      return;
    }
    this.#untouched = false;
    this.#activate(b, false);
    if (this.#onToggle(graph, b, event)) this.#toggle(b);
    else this.#choose(b, event.shiftKey || event.ctrlKey || event.metaKey);
  }

  /** The triangle is small: what counts is the corner around it. */
  #onToggle(graph: Graph, b: number, event: MouseEvent): boolean {
    const kind = graph.box(b).form;
    if (kind !== "folded" && kind !== "frame") return false;
    const surface = this.#around.surface.getBoundingClientRect();
    const x = (event.clientX - surface.left - this.#view.x) / this.#view.k;
    const y = (event.clientY - surface.top - this.#view.y) / this.#view.k;
    const at = boundsOf(graph, b);
    return x - at.x < 28 && y - at.y < 34;
  }

  #doubleClick(target: Element, event: MouseEvent): void {
    const graph = this.#graph;
    const b = this.#boxAt(target);
    if (!graph || b < 0 || this.#onToggle(graph, b, event)) return;
    this.#toggle(b);
  }

  #toggle(b: number): void {
    const box = this.#boxOf(b);
    if (!box || (box.form !== "folded" && box.form !== "frame")) return;
    this.#anchor = box.key;
    this.#untouched = false;
    setOpen(this.#around.store, [box.path], box.form === "folded");
  }

  #select(change: () => void): void {
    this.#ownSelection = true;
    change();
    this.#ownSelection = false;
  }

  #choose(b: number, add: boolean): void {
    const { store } = this.#around;
    const box = this.#boxOf(b);
    if (!box) return;
    this.#select(() => {
      if (add) selectToggle(store, box.path);
      else if (box.call >= 0) selectOne(store, box.path, box.call);
      else store.set({ selection: [box.path], focus: null });
    });
  }

  #hover(b: number): void {
    const graph = this.#graph;
    const on = graph?.visible.kind[b] === OPEN ? -1 : b;
    if (!graph || on === this.#hovered) return;
    this.#hovered = on;
    showNeighbours(this.#around.surface, graph, on);
    this.#around.store.setHover(on < 0 ? null : graph.box(on).path);
  }

  /** The table hovers rows: of a shared layer's boxes, the first stands for them. */
  #hoverPath(path: string | null): void {
    const graph = this.#graph;
    if (!graph || path === (this.#hovered < 0 ? null : graph.box(this.#hovered).path)) return;
    const on = path === null ? -1 : findBox(graph, (box, b) => box.path === path && graph.visible.kind[b] !== OPEN);
    this.#hovered = on;
    showNeighbours(this.#around.surface, graph, on);
  }

  // --- keyboard -------------------------------------------------------------------------------------------------

  #key(event: KeyboardEvent): void {
    const graph = this.#graph;
    if (!graph || graph.count === 0) return;
    const done = this.#act(graph, event);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #act(graph: Graph, event: KeyboardEvent): boolean {
    const command = event.ctrlKey || event.metaKey;
    const b = this.#active;
    const form = graph.box(b).form;
    if (event.key === "Enter" || event.key === " ") this.#choose(b, command || event.shiftKey);
    else if (command || event.altKey) return false;
    else if (event.key === "+" || event.key === "=") {
      if (form === "folded") this.#toggle(b);
    } else if (event.key === "-" || event.key === "_") {
      const frame = form === "frame" ? b : walk(graph, b, "out");
      if (graph.box(frame).form === "frame") {
        this.#activate(frame, true);
        this.#toggle(frame);
      }
    } else if (event.key === "f") this.fit();
    else if (event.key === "Escape") {
      if (this.#around.store.state.selection.length === 0) return false;
      this.#around.store.set({ selection: [], focus: null });
    } else {
      const step = stepOf(event, graph.direction);
      if (!step) return false;
      this.#activate(walk(graph, b, step), true);
    }
    return true;
  }

  /** Make `b` the box that the tab key reaches, and focus it. */
  #activate(b: number, reveal: boolean): void {
    const graph = this.#graph;
    if (!graph) return;
    this.#element(this.#active)?.setAttribute("tabindex", "-1");
    this.#active = b;
    const element = this.#element(b);
    element?.setAttribute("tabindex", "0");
    element?.focus({ preventScroll: true });
    if (reveal) this.#view.reveal(boundsOf(graph, b));
  }

  #element(b: number): SVGGElement | undefined {
    const box = this.#boxOf(b);
    return box && this.#painter.get(hitKey(box));
  }

  // --- view -----------------------------------------------------------------------------------------------------

  #start(): void {
    const graph = this.#graph;
    if (!graph || graph.count === 0 || this.#view.width === 0) return;
    this.#view.start(wholeOf(graph), boundsOf(graph, 0), graph.direction);
    if (this.#around.store.state.selection.length > 0) this.#goToSelection();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#around.container;
    const { width, height } = this.#view;
    // Hidden tabs and closed cells have no size: keep the view for when it comes back.
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#view.width = clientWidth;
    this.#view.height = clientHeight;
    if (this.#untouched || width === 0) {
      this.#start();
      return;
    }
    // An inspector opens beside a click: what was clicked stays under the pointer, unless it would be hidden.
    const selected = aimOf(this.#graph, this.#marks);
    if (selected && (clientWidth < width || clientHeight < height)) this.#view.reveal(selected);
  }

  #goToSelection(): void {
    const graph = this.#graph;
    const aim = aimOf(graph, this.#marks);
    if (!graph || !aim || this.#view.width === 0) return;
    if (!isInView(graph, this.#marks, this.#view)) this.#touch(() => this.#view.centre(aim));
  }

  fit(): void {
    this.#untouched = true;
    this.#view.fit(wholeOf(this.#graph));
  }

  zoomBy(factor: number): void {
    this.#touch(() => this.#view.zoomAt(factor));
  }

  zoomToSelection(): void {
    const selection = selectionOf(this.#graph, this.#marks);
    if (selection) this.#touch(() => this.#view.fit(selection, 1.2));
    else this.fit();
  }

  svg(): string {
    const { payload, state } = this.#around.store;
    if (!this.#graph || !this.#look || !payload) return "";
    return sceneToSvg(this.#graph, this.#look, this.#marks, state.title || payload.meta.name);
  }

  focus(): void {
    this.#activate(this.#active, true);
  }
}
