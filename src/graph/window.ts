/**
 * Sliding-window geometry of Conv, ConvTranspose and the pools: explicit pads from `pads` or `auto_pad`, and output sizes, by the ONNX operator
 * specifications (a window of ceil_mode that would start in the padding at the end is dropped, as ONNX Runtime does).
 */
import type { NodeContext } from './shapes/node-context.ts';

export interface WindowGeometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begins, then ends, one each per axis. */
  readonly pads: readonly number[];
  readonly outSize: readonly number[];
}

function readList(node: NodeContext, name: string, axes: number, fallback: number, least: number): readonly number[] {
  const list = node.list(name) ?? new Array<number>(axes).fill(fallback);
  if (list.length !== axes) node.fail(`attribute "${name}" has ${list.length} numbers, expected ${axes}`);
  if (list.some((value) => !Number.isInteger(value) || value < least))
    node.fail(`attribute "${name}" is [${list}]; at least ${least} is expected`);
  return list;
}

/**
 * Window of a Conv or pool on an input of these spatial sizes.
 * @throws InputError when attributes contradict each other or the kernel does not fit the padded input.
 */
export function resolveWindow(node: NodeContext, inSize: readonly number[], kernel: readonly number[]): WindowGeometry {
  const axes = inSize.length;
  if (kernel.length !== axes) node.fail(`the kernel has ${kernel.length} spatial dimensions, the input ${axes}`);
  const strides = readList(node, 'strides', axes, 1, 1);
  const dilations = readList(node, 'dilations', axes, 1, 1);
  const autoPad = node.text('auto_pad', 'NOTSET');
  const ceilMode = node.number('ceil_mode', 0) !== 0;
  const extent = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1);
  const pads = autoPad === 'NOTSET' ? [...readList(node, 'pads', 2 * axes, 0, 0)] : new Array<number>(2 * axes).fill(0);
  if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
    for (let axis = 0; axis < axes; axis++) {
      const out = Math.ceil(inSize[axis] / strides[axis]);
      const total = Math.max(0, (out - 1) * strides[axis] + extent[axis] - inSize[axis]);
      const small = total >> 1;
      pads[axis] = autoPad === 'SAME_UPPER' ? small : total - small;
      pads[axis + axes] = total - pads[axis];
    }
  } else if (autoPad !== 'NOTSET' && autoPad !== 'VALID') node.fail(`auto_pad "${autoPad}" is not known`);
  const outSize = inSize.map((size, axis) => {
    const padded = size + pads[axis] + pads[axis + axes];
    const span = (padded - extent[axis]) / strides[axis];
    if (span < 0) node.fail(`the kernel covers ${extent[axis]} of only ${padded} padded input positions`);
    const out = (ceilMode ? Math.ceil(span) : Math.floor(span)) + 1;
    return ceilMode && (out - 1) * strides[axis] >= size + pads[axis] ? out - 1 : out;
  });
  return { kernel, strides, dilations, pads, outSize };
}

/** Window of a ConvTranspose: pads are those taken off the full output. */
export function resolveTransposedWindow(node: NodeContext, inSize: readonly number[], kernel: readonly number[]): WindowGeometry {
  const axes = inSize.length;
  if (kernel.length !== axes) node.fail(`the kernel has ${kernel.length} spatial dimensions, the input ${axes}`);
  const strides = readList(node, 'strides', axes, 1, 1);
  const dilations = readList(node, 'dilations', axes, 1, 1);
  const outputPadding = readList(node, 'output_padding', axes, 0, 0);
  const autoPad = node.text('auto_pad', 'NOTSET');
  const given = node.list('output_shape');
  const full = inSize.map((size, axis) => (size - 1) * strides[axis] + outputPadding[axis] + (kernel[axis] - 1) * dilations[axis] + 1);
  const same = autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER';
  if (given !== undefined || same) {
    const wanted = given?.slice(-axes) ?? inSize.map((size, axis) => size * strides[axis]);
    if (wanted.length !== axes) node.fail(`output_shape has ${wanted.length} numbers, expected ${axes}`);
    const totals = full.map((size, axis) => Math.max(0, size - wanted[axis]));
    const halves = totals.map((total) => total >> 1);
    const rests = totals.map((total, axis) => total - halves[axis]);
    const pads = autoPad === 'SAME_UPPER' ? [...halves, ...rests] : [...rests, ...halves];
    return { kernel, strides, dilations, pads, outSize: wanted };
  }
  const pads = autoPad === 'VALID' ? new Array<number>(2 * axes).fill(0) : readList(node, 'pads', 2 * axes, 0, 0);
  const outSize = full.map((size, axis) => size - pads[axis] - pads[axis + axes]);
  if (outSize.some((size) => size < 1)) node.fail(`the pads [${pads}] leave nothing of the output [${full}]`);
  return { kernel, strides, dilations, pads, outSize };
}
