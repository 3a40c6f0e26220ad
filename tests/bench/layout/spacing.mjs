// The distances that every library is asked for, in pixels.
export const SPACING = { node: 20, edge: 10, rank: 40 };

/** Inside a group: at its sides and bottom, and at its top. */
export const PADDING = 20;
export const HEADER = 36;
