// Loops over everything in a frame, cut into short calls. V8 replaces a function by what it has compiled when the function
// is called again. A loop that does not return has to be replaced midway, at two levels of optimization, and that is thrown
// away where the loop is left for code that has not run yet: a first layout paid more for it than for its own work.

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
