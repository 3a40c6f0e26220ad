// Long work as steps of a few milliseconds: whoever has to stay responsive takes them one by one, all others at once.

/** All steps at once. */
export function atOnce<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Steps of a part, as shares of the whole. */
export function* partOf<S, T>(steps: Generator<S, T>, share: (step: S) => number): Generator<number, T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    yield share(step.value);
  }
}
