// Requests to Python over the widget's messages: the only things that need a live kernel.

import type { Kernel, WeightStatistics } from "./store";
import type { Model } from "./sync";

export const NO_KERNEL =
  "There is no live kernel behind this view. Run the cell again to read values from the weights.";
export const SILENT =
  "The kernel does not answer. If it is busy, try again once it is done; if it was restarted, run the cell again.";

interface Answer {
  readonly type: "weight_statistics";
  readonly request: number;
  readonly progress?: number;
  readonly result?: WeightStatistics;
  readonly error?: string;
}

/** The kernel behind `model`; `patience` is how long it may stay silent before it counts as gone. */
export function kernelOf(model: Model, patience = 6000): Kernel {
  let last = 0;
  return {
    weightStatistics(parameter, progress, signal) {
      last += 1;
      return ask(model, last, parameter, progress, signal, patience);
    },
  };
}

function ask(
  model: Model,
  request: number,
  parameter: number,
  progress: (done: number) => void,
  signal: AbortSignal,
  patience: number,
): Promise<WeightStatistics> {
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
      send({ type: "cancel", request });
      finish(() => reject(new DOMException("Cancelled", "AbortError")));
    };
    const heard = (answer: Answer) => {
      if (answer.type !== "weight_statistics" || answer.request !== request) return;
      const { result, error } = answer;
      if (result) finish(() => resolve(result));
      else if (error !== undefined) finish(() => reject(new Error(error)));
      else {
        progress(answer.progress ?? 0);
        wait();
      }
    };
    if (signal.aborted) return reject(new DOMException("Cancelled", "AbortError"));
    signal.addEventListener("abort", cancel, { once: true });
    model.on("msg:custom", heard);
    wait();
    if (!send({ type: "weight_statistics", request, parameter })) finish(() => reject(new Error(NO_KERNEL)));
  });
}
