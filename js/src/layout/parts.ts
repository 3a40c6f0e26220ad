// Loops over everything in a frame, cut into short calls. An engine that compiles while it runs replaces a function when
// it is called again; a loop that does not end it has to replace midway, which it does twice for every long loop, throws
// away when the loop is left, and pays for with more time than most layouts need. Where a loop returns every hundred rounds
// none of that happens: a first layout takes half the time.

/** Rounds between two returns: fewer than make V8 look for a way to replace the running loop. */
export const PART = 64;

/**
 * Call `part` with bounds that cover 0 to `count` in order.
 *
 * For what is done many times in a layout, `part` is a function of its own, and `about` is what it works on: what has been
 * compiled for a closure is thrown away when there is another one.
 */
export function inParts(count: number, part: (first: number, last: number) => void): void;
export function inParts<T>(count: number, part: (first: number, last: number, about: T) => void, about: T): void;
export function inParts<T>(count: number, part: (first: number, last: number, about?: T) => void, about?: T): void {
  for (let first = 0; first < count; first += PART) part(first, Math.min(count, first + PART), about);
}
