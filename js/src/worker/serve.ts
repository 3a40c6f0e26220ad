// The worker's side: keeps models, and arranges them as the page wishes, in slices between which it listens.
import { gunzip } from "../gunzip";
import { LayoutCache } from "../layout";
import { type Arrangement, arranging, type Wish } from "../scene";
import { unitsOf } from "../scene/units";
import { inSlices } from "../slices";
import { decode, type Payload } from "../wire";
import { type Answer, memoryOf, type Order } from "./protocol";

/** What a worker's global scope and a message port have in common. */
export interface Line {
  postMessage(answer: Answer, transfer?: Transferable[]): void;
  addEventListener(type: "message", heard: (event: MessageEvent<Order>) => void): void;
}

/** Milliseconds between two looks at what the page says: nobody waits for input here. */
const SLICE = 25;

interface Model {
  readonly payload: Payload;
  readonly cache: LayoutCache;
}

export function serve(line: Line): void {
  const models = new Map<number, Promise<Model>>();
  const underWay = new Map<number, AbortController>();

  const arrange = async (number: number, wish: number, wanted: Wish): Promise<void> => {
    const own = new AbortController();
    underWay.set(wish, own);
    try {
      const model = models.get(number);
      if (!model) throw new Error(`nbviz: the worker has no model ${number}.`);
      const heard = (done: number): void => line.postMessage({ type: "progress", wish, done });
      const arrangement = await arrangeModel(await model, wanted, own.signal, heard);
      line.postMessage({ type: "arranged", wish, arrangement }, [...memoryOf(arrangement)]);
    } catch (error) {
      if (!own.signal.aborted) line.postMessage({ type: "failed", wish, message: String(error) });
    } finally {
      underWay.delete(wish);
    }
  };

  line.addEventListener("message", ({ data }) => {
    switch (data.type) {
      case "model":
        models.set(data.model, read(data.bytes));
        break;
      case "forget":
        models.delete(data.model);
        break;
      case "arrange":
        void arrange(data.model, data.wish, data.wanted);
        break;
      case "cancel":
        underWay.get(data.wish)?.abort();
    }
  });
  line.postMessage({ type: "hello" });
}

function read(bytes: Uint8Array<ArrayBuffer>): Promise<Model> {
  const model = gunzip(bytes).then((plain) => {
    const payload = decode(plain);
    unitsOf(payload, true); // what nearly every wish begins with, before there is one
    return { payload, cache: new LayoutCache() };
  });
  // Whoever asks for it hears what is wrong.
  model.catch(() => {});
  return model;
}

function arrangeModel(
  { payload, cache }: Model,
  wanted: Wish,
  signal: AbortSignal,
  heard: (done: number) => void,
): Promise<Arrangement> {
  return inSlices(arranging(payload, wanted, cache), signal, heard, SLICE);
}

/** Be the worker: the global scope is the line to the page. */
export function startWorker(): void {
  serve(globalThis as unknown as Line);
}
