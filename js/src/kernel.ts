// Requests to Python over the widget's messages: the only things that need a live kernel.

import type { Kernel, WeightStatistics } from "./store";
import type { Model } from "./sync";

export const NO_KERNEL = "There is no live kernel behind this view. Run the cell again, and then try once more.";
export const SILENT =
  "The kernel does not answer. If it is busy, try again once it is done; if it was restarted, run the cell again.";

interface Answer {
  /** What was asked for. */
  readonly type: string;
  readonly request: number;
  readonly progress?: number;
  readonly result?: unknown;
  readonly error?: string;
}

interface Question {
  readonly type: string;
  readonly request: number;
  readonly [argument: string]: unknown;
}

/** What Python says at the end, and the bytes that come with it. */
interface Result {
  readonly result: unknown;
  readonly buffers: readonly DataView[];
}

/** The kernel behind `model`; `patience` is how long it may stay silent before it counts as gone. */
export function kernelOf(model: Model, patience = 6000): Kernel {
  let last = 0;
  const next = (): number => {
    last += 1;
    return last;
  };
  return {
    async weightStatistics(parameter, progress, signal) {
      const question = { type: "weight_statistics", request: next(), parameter };
      const { result } = await ask(model, question, progress, signal, patience);
      return result as WeightStatistics;
    },
    async pdf(theme) {
      const { signal } = new AbortController(); // nothing stops it
      const { buffers } = await ask(model, { type: "pdf", request: next(), theme }, () => {}, signal, patience);
      const [bytes] = buffers;
      if (!bytes) throw new Error("The kernel sent no picture.");
      return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
    },
  };
}

function ask(
  model: Model,
  question: Question,
  progress: (done: number) => void,
  signal: AbortSignal,
  patience: number,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const silence = { timer: 0 as ReturnType<typeof setTimeout> | 0 };
    const wait = () => {
      clearTimeout(silence.timer);
      silence.timer = setTimeout(() => finish(() => reject(new Error(SILENT))), patience);
    };
    const finish = (settle: () => void) => {
      clearTimeout(silence.timer);
      model.off("msg:custom", heard);
      signal.removeEventListener("abort", cancel);
      settle();
    };
    const send = (message: Readonly<Record<string, unknown>>): boolean => {
      try {
        model.send(message);
        return true;
      } catch {
        return false; // the host closed the channel, as JupyterLab does when it restarts the kernel
      }
    };
    const cancel = () => {
      send({ type: "cancel", request: question.request });
      finish(() => reject(new DOMException("Cancelled", "AbortError")));
    };
    const heard = (answer: Answer, buffers: readonly DataView[] = []) => {
      if (answer.type !== question.type || answer.request !== question.request) return;
      const { result, error } = answer;
      if (error !== undefined) finish(() => reject(new Error(error)));
      else if (result !== undefined) finish(() => resolve({ result, buffers }));
      else {
        progress(answer.progress ?? 0);
        wait();
      }
    };
    if (signal.aborted) return reject(new DOMException("Cancelled", "AbortError"));
    signal.addEventListener("abort", cancel, { once: true });
    model.on("msg:custom", heard);
    wait();
    if (!send(question)) finish(() => reject(new Error(NO_KERNEL)));
  });
}
