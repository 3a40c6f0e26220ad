// Long work in slices, so that whoever runs it hears what happens in between: a page its input, a worker a cancellation.

/** Longest time, in milliseconds, that a page waits for a slice. */
export const SLICE = 10;

/** Run steps in slices; rejects with the signal's reason when it aborts. `heard` gets what was yielded last. */
export async function inSlices<S, T>(
  steps: Generator<S, T>,
  signal: AbortSignal,
  heard: (step: S) => void = () => {},
  slice = SLICE,
): Promise<T> {
  for (;;) {
    // Before the first one, too: whoever asks may have kept the page for a while already.
    await nextTask();
    signal.throwIfAborted();
    const end = performance.now() + slice;
    let step = steps.next();
    while (!step.done && performance.now() < end) step = steps.next();
    if (step.done) return step.value;
    heard(step.value);
  }
}

/** After the events that are waiting; timers would wait four milliseconds each. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
