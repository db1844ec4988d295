/** The taps of one window axis that lie inside the input. Specification: docs/microarchitecture.md section 3, docs/numbers.md section 2. */
import type { Window } from '../graph/integer-graph.ts';

/** Valid taps form one range [first, end) of kernel indices; `origin` is the input position of tap 0. */
export interface TapRange {
  readonly origin: number;
  readonly first: number;
  readonly end: number;
}

/** Range for every output position along an axis (0 rows, 1 columns). */
export function validTaps(window: Window, axis: 0 | 1, inputSize: number, positions: number): TapRange[] {
  const kernel = window.kernel[axis];
  const dilation = window.dilation[axis];
  return Array.from({ length: positions }, (_, at) => {
    const origin = at * window.stride[axis] - window.pads[axis];
    const first = Math.min(kernel, Math.max(0, Math.ceil(-origin / dilation)));
    const end = Math.max(first, Math.min(kernel, Math.ceil((inputSize - origin) / dilation)));
    return { origin, first, end };
  });
}
