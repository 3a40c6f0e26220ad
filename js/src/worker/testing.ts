// A worker for tests: the real other side on a real message channel, which copies and hands over as a worker's does.
import type { Answer, Order } from "./protocol";
import type { WorkerLike } from "./remote";
import type { Line } from "./serve";

export class FakeWorker implements WorkerLike {
  readonly #near: MessagePort;
  readonly #far: MessagePort;
  readonly #errors = new EventTarget();
  readonly orders: Order[] = [];
  terminated = false;

  /** Without a program it stays silent, as where a policy forbids it. */
  constructor(program?: (line: Line) => void) {
    const { port1, port2 } = new MessageChannel();
    this.#near = port1;
    this.#far = port2;
    if (program) this.run(program);
  }

  /** Start it; until then messages wait. */
  run(program: (line: Line) => void): void {
    program(this.#far);
    this.#far.start();
  }

  postMessage(order: Order): void {
    this.orders.push(order);
    this.#near.postMessage(order);
  }

  addEventListener(
    type: "message" | "error",
    heard: ((event: MessageEvent<Answer>) => void) & ((event: Event) => void),
  ): void {
    if (type === "error") this.#errors.addEventListener(type, heard);
    else {
      this.#near.addEventListener(type, heard as (event: Event) => void);
      this.#near.start();
    }
  }

  /** As a browser reports a worker that may not start, and one that breaks. */
  break(): void {
    this.#errors.dispatchEvent(new Event("error", { cancelable: true }));
  }

  terminate(): void {
    this.terminated = true;
    this.#near.close();
    this.#far.close();
  }
}
