// One display of the graph: follows the store, has what changed arranged and drawn, turns gestures and keys into state.

import { wishOf } from "../arranger";
import { setOpen } from "../opening";
import {
  type Box,
  boundsOf,
  boxIn,
  dimmedBoxes,
  type Graph,
  keyOf,
  LEAF,
  type Look,
  lookOf,
  type Marks,
  markedBoxes,
  OPEN,
  STUB,
  sceneToSvg,
  type Theme,
} from "../scene";
import type { Context } from "../scene/canvas";
import { Items } from "../scene/items";
import type { SpatialIndex } from "../scene/spatial";
import { matchingRows } from "../search";
import { selectOne, selectToggle } from "../select";
import type { Change } from "../store";
import { Afterwards } from "./graph-afterwards";
import { wholeOf } from "./graph-aim";
import { indexOf, shiftOf, type Toggled } from "./graph-anchor";
import { Arranging } from "./graph-arranging";
import { Camera } from "./graph-camera";
import { listen } from "./graph-gestures";
import { Hovering } from "./graph-hovering";
import { GraphItems } from "./graph-items";
import { commandOf, type KeyCommand } from "./graph-keys";
import { Minimap } from "./graph-minimap";
import { Picture } from "./graph-picture";
import { Pointing } from "./graph-pointing";
import type { Surroundings } from "./graph-surroundings";
import { GraphTexts } from "./graph-texts";
import { readTheme, watchTheme } from "./graph-theme";
import { Transition } from "./graph-transition";
import { cornerOf, Viewport } from "./graph-viewport";

const REBUILD: readonly Change[] = ["payload", "expanded", "depth", "groups", "direction"];
const RECOLOR: readonly Change[] = ["color_by", "edge_width", "extra_columns"];
const REMARK: readonly Change[] = ["selection", "focus", "search"];

/** Milliseconds of rest before the elements over the canvas follow the window. */
const REST = 120;

export class GraphController {
  readonly #around: Surroundings;
  readonly #items = new GraphItems();
  readonly #texts = new GraphTexts();
  readonly #picture: Picture;
  readonly #minimap: Minimap;
  readonly #view: Viewport;
  readonly #camera: Camera;
  readonly #pointing: Pointing;
  readonly #hovering = new Hovering();
  readonly #arranging: Arranging;
  readonly #afterwards: Afterwards;
  #theme: Theme;
  #graph: Graph | null = null;
  #look: Look | null = null;
  #index: SpatialIndex | null = null;
  #drawn: Items | null = null;
  #marks: Marks = markedBoxes(null, [], null, null);
  /** The box that the tab key reaches. */
  #active = 0;
  /** The box whose place on screen the next change keeps. */
  #toggled: Toggled | null = null;
  /** The box that was clicked last, unless on its triangle: what a double click means. */
  #clicked: string | null = null;
  #ownSelection = false;
  /** Whether what was selected elsewhere waits for its boxes to be arranged. */
  #goLater = false;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(around: Surroundings) {
    this.#around = around;
    const { surface, container, probe, signal, store } = around;
    this.#view = new Viewport(() => this.#moved());
    this.#camera = new Camera(this.#view, () => ({ graph: this.#graph, marks: this.#marks }));
    this.#pointing = new Pointing(surface, this.#items, this.#view);
    const hooks = { overlay: (context: Context) => this.#overlay(context), whole: () => this.#afterwards.go() };
    this.#picture = new Picture(this.#view, hooks, signal);
    this.#afterwards = new Afterwards(() => this.#picture.isWhole, signal);
    this.#arranging = new Arranging({
      arrived: (graph, index, afresh) => this.#place(graph, index, afresh),
      failed: (message) => store.fail(message),
      progress: (progress) => around.shown({ progress }),
    });
    this.#minimap = new Minimap(this.#view, (x, y) => this.#camera.touch(() => this.#view.centreAt(x, y)), signal);
    this.#theme = readTheme(container, probe);
    surface.replaceChildren(this.#picture.canvas, this.#items.element, this.#texts.element, this.#minimap.element);
    store.subscribe((changed) => this.#follow(changed), signal);
    watchTheme(container, probe, () => this.#retheme(), signal);
    this.#listen();
    const observer = new ResizeObserver(() => this.#resized());
    observer.observe(surface);
    signal.addEventListener("abort", () => this.#end(observer), { once: true });
    this.#resized();
    this.#rebuild(true);
  }

  #end(observer: ResizeObserver): void {
    observer.disconnect();
    this.#arranging.stop();
    clearTimeout(this.#rest);
  }

  #listen(): void {
    const { surface, signal } = this.#around;
    listen(
      surface,
      {
        pan: (dx, dy) => this.#camera.touch(() => this.#view.panBy(dx, dy)),
        zoom: (factor, x, y) => this.#camera.touch(() => this.#view.zoomAt(factor, x, y)),
        click: (event) => this.#click(event),
        doubleClick: () => this.#doubleClick(),
        hover: (event) => this.#hover(event),
      },
      signal,
    );
    surface.addEventListener("keydown", (event) => this.#key(event), { signal });
    surface.addEventListener("focusin", (event) => this.#focused(event.target as Element), { signal });
  }

  #follow(changed: ReadonlySet<Change>): void {
    const has = (keys: readonly Change[]): boolean => keys.some((key) => changed.has(key));
    if (changed.has("hover") && this.#hovering.setPath(this.#around.store.hover)) this.#hovered();
    if (has(REBUILD)) this.#rebuild(changed.has("payload") || changed.has("direction"));
    else if (has(RECOLOR)) this.#repaint();
    else if (has(REMARK)) this.#remark();
    if (!changed.has("selection") || this.#ownSelection) return;
    if (this.#arranging.busy) this.#goLater = true;
    else this.#camera.goToSelection();
  }

  #retheme(): void {
    const theme = readTheme(this.#around.container, this.#around.probe);
    if (JSON.stringify(theme) === JSON.stringify(this.#theme)) return;
    this.#theme = theme;
    this.#repaint();
  }

  /** Boxes appear, go or move. */
  #rebuild(afresh = false): void {
    const { payload, state } = this.#around.store;
    if (payload) {
      this.#arranging.start(payload, wishOf(payload, state), afresh || this.#graph?.payload !== payload);
      return;
    }
    this.#arranging.stop();
    this.#afterwards.forget();
    this.#minimap.show(null);
    this.#graph = null;
    this.#pointing.show(null, null);
    this.#hovering.show(null);
    this.#show();
    this.#around.shown({ look: null, boxes: 0, progress: null });
  }

  #overlay(context: Context): void {
    if (this.#drawn) this.#hovering.draw(context, this.#drawn, this.#theme, this.#view.k);
  }

  /** Show a new graph; of one that is not new, the anchor keeps its place on screen. */
  #place(graph: Graph, index: SpatialIndex, afresh: boolean): void {
    const before = this.#graph;
    const drawn = this.#picture.drawing;
    const shift = afresh || !before ? null : shiftOf(before, graph, this.#view, this.#toggled);
    const focused = this.#around.surface.matches(":focus-within");
    this.#graph = graph;
    this.#index = index;
    this.#pointing.show(graph, this.#index);
    this.#hovering.show(graph);
    this.#hovered();
    this.#active = before && before.count > 0 ? Math.max(0, boxIn(before, graph)(this.#active)) : 0;
    this.#view.setWhole(wholeOf(graph));
    this.#repaint();
    // A box that opens becomes a frame, and may get another element: the keyboard goes on from there.
    if (focused) this.#activate(this.#active, false);
    if (afresh || !before) {
      this.#camera.start();
    } else if (shift) {
      this.#view.panBy(-shift.x * this.#view.k, -shift.y * this.#view.k);
      const { drawing } = this.#picture;
      const transition = drawn && drawing && Transition.between(drawn, drawing, shift);
      if (transition) this.#picture.animate(transition);
    }
    this.#toggled = null;
    if (this.#goLater) this.#camera.goToSelection();
    this.#goLater = false;
    // Not after a rest: nobody has moved the window.
    clearTimeout(this.#rest);
    if (before) {
      this.#itemsLater();
    } else {
      this.#picture.now();
      this.#showItems();
    }
  }

  #repaint(): void {
    const { store, shown } = this.#around;
    if (!this.#graph || !store.payload) return;
    const look = lookOf(this.#graph, store.state, this.#theme);
    this.#look = look;
    this.#view.corner = cornerOf(look, this.#view.width);
    this.#drawn = new Items(this.#graph, look);
    this.#marks = this.#marksNow(this.#graph);
    this.#items.show(this.#graph, this.#marks, this.#active);
    this.#show();
    this.#minimap.show(this.#graph);
    this.#afterwards.add("minimap", () => this.#minimap.draw(look));
    shown({ look, boxes: this.#graph.count });
  }

  #show(): void {
    const [graph, look, items] = [this.#graph, this.#look, this.#drawn];
    if (graph && items) this.#texts.show(graph, items, this.#marks, this.#theme);
    const drawing = graph && look && items ? { graph, look, items, marks: this.#marks, opacity: 1 } : null;
    this.#picture.show(drawing, graph && this.#index);
    if (!graph) this.#items.show(null, this.#marks, 0);
    this.#moved();
  }

  #marksNow(graph: Graph): Marks {
    const { state, payload } = this.#around.store;
    const matching = payload && state.search.trim() ? matchingRows(payload, state.search) : null;
    return markedBoxes(graph, state.selection, state.focus, matching && dimmedBoxes(graph, matching, state.search));
  }

  /** Selection or search changed. */
  #remark(): void {
    if (!this.#graph) return;
    this.#marks = this.#marksNow(this.#graph);
    this.#items.dress(this.#marks, this.#active);
    this.#show();
  }

  #boxOf(b: number): Box | undefined {
    return this.#graph && b >= 0 && b < this.#graph.count ? this.#graph.box(b) : undefined;
  }

  #click(event: MouseEvent): void {
    const graph = this.#graph;
    // The details that a first click opens may move what was clicked: the second one means it all the same.
    if (event.detail > 1 && this.#clicked !== null) return;
    const b = this.#pointing.boxAt(event);
    const add = event.shiftKey || event.ctrlKey || event.metaKey;
    this.#clicked = null;
    if (!graph || b < 0) {
      if (!add) this.#select(() => this.#around.store.set({ selection: [], focus: null }));
      return;
    }
    this.#camera.touch();
    this.#activate(b, false);
    if (this.#pointing.onToggle(b, event)) this.#toggle(b, true);
    else {
      this.#clicked = keyOf(graph, b);
      this.#choose(b, add);
    }
  }

  #doubleClick(): void {
    if (this.#graph && this.#clicked !== null) this.#toggle(indexOf(this.#graph, this.#clicked));
    this.#clicked = null;
  }

  #toggle(b: number, byTriangle = false): void {
    const box = this.#boxOf(b);
    const kind = this.#graph?.visible.kind[b];
    if (!box || kind === LEAF || kind === STUB) return;
    this.#toggled = { key: box.key, byTriangle };
    this.#camera.touch();
    setOpen(this.#around.store, [box.path], kind !== OPEN);
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
      if (add) selectToggle(store, ...box.paths);
      else if (box.call >= 0) selectOne(store, box.path, box.call);
      else store.set({ selection: box.paths, focus: null });
    });
    // A stub stands for what is far away.
    if (box.form === "stub") this.#camera.goToSelection();
  }

  #hover(event: MouseEvent | null): void {
    const graph = this.#graph;
    if (!graph) return;
    const b = event ? this.#pointing.boxAt(event) : -1;
    const on = b >= 0 && graph.visible.kind[b] === OPEN ? -1 : b;
    const edge = event && b < 0 ? this.#pointing.edgeAt(event) : -1;
    if (!this.#hovering.set(on, edge)) return;
    this.#hovered();
    this.#around.store.setHover(this.#hovering.path);
  }

  #hovered(): void {
    this.#around.surface.classList.toggle("nbviz-hovering", this.#hovering.something);
    this.#around.shown({ tensor: this.#hovering.tensor });
    this.#picture.refresh();
  }

  #key(event: KeyboardEvent): void {
    const graph = this.#graph;
    if (!graph || graph.count === 0) return;
    const command = commandOf(event, graph, this.#active);
    if (!command || !this.#obey(command)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Whether there was anything to do. */
  #obey(command: KeyCommand): boolean {
    const { store } = this.#around;
    if (command.do === "choose") this.#choose(this.#active, command.add);
    else if (command.do === "go") this.#activate(command.to, true);
    else if (command.do === "fit") this.fit();
    else if (command.do === "toggle") {
      if (command.box !== this.#active) this.#activate(command.box, true);
      this.#toggle(command.box);
    } else if (command.do === "clear") {
      if (store.state.selection.length === 0) return false;
      store.set({ selection: [], focus: null });
    }
    return true;
  }

  /** The tab key, or a reader, comes to a box that may be anywhere. */
  #focused(element: Element): void {
    const b = this.#items.boxOf(element);
    if (!this.#graph || b < 0) return;
    if (b !== this.#active) this.#activate(b, false);
    if (element.matches(":focus-visible")) this.#view.reveal(boundsOf(this.#graph, b));
  }

  /** Make `b` the box that the tab key reaches, and focus it. */
  #activate(b: number, reveal: boolean): void {
    const graph = this.#graph;
    if (!graph || b >= graph.count) return;
    this.#items.get(this.#active)?.setAttribute("tabindex", "-1");
    this.#active = b;
    if (reveal) this.#view.reveal(boundsOf(graph, b));
    if (!this.#items.get(b)) this.#showItems();
    const element = this.#items.get(b);
    element?.setAttribute("tabindex", "0");
    element?.focus({ preventScroll: true });
  }

  #resized(): void {
    const { surface } = this.#around;
    if (this.#look) this.#view.corner = cornerOf(this.#look, surface.clientWidth);
    this.#camera.resize(surface, () => this.#moved());
  }

  #moved(): void {
    this.#items.move(this.#view);
    this.#texts.move(this.#view);
    this.#picture.move();
    this.#minimap.move();
    clearTimeout(this.#rest);
    if (!this.#around.signal.aborted) this.#rest = setTimeout(() => this.#itemsLater(), REST);
  }

  #itemsLater(): void {
    this.#afterwards.add("items", () => this.#showItems());
  }

  #showItems(): void {
    if (!this.#index || this.#view.width === 0) return;
    this.#items.showFound(this.#index.find(this.#view.area), this.#marks, this.#active, this.#view);
  }

  fit(): void {
    this.#camera.fit();
  }

  zoomBy(factor: number): void {
    this.#camera.touch(() => this.#view.zoomAt(factor));
  }

  zoomToSelection(): void {
    this.#camera.zoomToSelection();
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
