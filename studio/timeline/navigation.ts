/** Zoom and pan. */

/** The range scaled by `factor` so that the cycle `at` keeps its place. */
export function zoomAround([from, to]: readonly [number, number], factor: number, at: number): [number, number] {
  return [at - (at - from) * factor, at + (to - at) * factor];
}
