// Has the graph arranged as the state wishes: the newest wish counts, and what takes long says how far it is.
import { arrangerOf } from "../arranger";
import { type Arrangement, type Graph, graphOf, type Wish } from "../scene";
import { indexing, SpatialIndex } from "../scene/spatial";
import { inSlices } from "../slices";
import type { Payload } from "../wire";

/** Milliseconds after which an arrangement that is not there yet says how far it is. */
const PATIENCE = 200;

export interface Heard {
  /** `afresh`: it shows another model or direction, not only more or less of the last one. */
  arrived(graph: Graph, index: SpatialIndex, afresh: boolean): void;
  failed(message: string): void;
  /** Share that is done, 0 to 1; null when nothing is under way any more. */
  progress(done: number | null): void;
}

export class Arranging {
  readonly #heard: Heard;
  #pending: AbortController | null = null;
  #afresh = false;

  constructor(heard: Heard) {
    this.#heard = heard;
  }

  get busy(): boolean {
    return this.#pending !== null;
  }

  stop(): void {
    this.#pending?.abort();
    this.#pending = null;
  }

  /** Takes the place of a wish that is under way. */
  start(payload: Payload, wish: Wish, afresh: boolean): void {
    this.stop();
    this.#afresh ||= afresh;
    const own = new AbortController();
    this.#pending = own;
    const began = performance.now();
    const progress = (done: number): void => {
      if (this.#pending === own && performance.now() - began > PATIENCE) this.#heard.progress(done);
    };
    const result = arrangerOf(payload).arrange(wish, own.signal, progress);
    if (result instanceof Promise) void this.#await(own, payload, result);
    else this.#arrived(own, payload, result, new SpatialIndex(result.layout, result.direction));
  }

  async #await(own: AbortController, payload: Payload, result: Promise<Arrangement>): Promise<void> {
    try {
      const arrangement = await result;
      const { layout, direction } = arrangement;
      this.#arrived(own, payload, arrangement, await inSlices(indexing(layout, direction), own.signal));
    } catch (error) {
      if (own.signal.aborted) return;
      this.stop();
      this.#heard.progress(null);
      this.#heard.failed(error instanceof Error ? error.message : String(error));
    }
  }

  #arrived(own: AbortController, payload: Payload, arrangement: Arrangement, index: SpatialIndex): void {
    if (this.#pending !== own) return;
    // For the browser's performance tools, and for the benchmark.
    performance.mark("nbviz arranged");
    const afresh = this.#afresh;
    this.#pending = null;
    this.#afresh = false;
    this.#heard.progress(null);
    this.#heard.arrived(graphOf(payload, arrangement), index, afresh);
  }
}
