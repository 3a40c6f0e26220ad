// One worker for all displays of a page: started when the first of them has much to do, ended with the last.
import { Remote, type WorkerLike } from "./remote";

/** `start` makes a worker from the text of its program; it may throw where a host does not have any. */
export class Staff {
  readonly #start: (script: string) => WorkerLike;
  #displays = 0;
  #script: string | null = null;
  #remote: Remote | null = null;
  /** A host that has refused once refuses always: asking again would only cost its patience. */
  #refused = false;

  constructor(start: (script: string) => WorkerLike) {
    this.#start = start;
  }

  /** A display that may need the worker is there until `signal` aborts; `script` is what the worker runs. */
  join(script: string, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#script = script;
    this.#displays += 1;
    signal.addEventListener("abort", () => this.#leave(), { once: true });
  }

  #leave(): void {
    this.#displays -= 1;
    if (this.#displays > 0) return;
    this.#remote?.end();
    this.#remote = null;
  }

  /** The worker, which is started now if need be; null where there is nobody to work for, or none can be had. */
  worker(): Remote | null {
    if (this.#remote || this.#refused || this.#displays === 0 || this.#script === null) return this.#remote;
    try {
      this.#remote = new Remote(this.#start(this.#script), () => this.#refuse());
    } catch {
      this.#refused = true;
    }
    return this.#remote;
  }

  #refuse(): void {
    this.#refused = true;
    this.#remote = null;
  }

  /** The worker need not keep this model any longer. */
  forget(bytes: Uint8Array<ArrayBuffer>): void {
    this.#remote?.forget(bytes);
  }
}

/** From a blob: a page that was saved, and a notebook's output, have no address that a worker could be loaded from. */
export function startFromBlob(script: string): Worker {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(address);
  const release = (): void => URL.revokeObjectURL(address);
  worker.addEventListener("message", release, { once: true });
  worker.addEventListener("error", release, { once: true });
  return worker;
}

/** The staff of this page. */
export const STAFF = new Staff(startFromBlob);
