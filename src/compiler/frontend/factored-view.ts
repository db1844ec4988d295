/**
 * Values between a Reshape that splits rows, columns or channels and the one that joins them again (channel and pixel shuffles, blocks of pixels, heads of
 * attention): every ONNX dimension runs over *digits*, parts of a tensor's axes. Nothing is moved until a layer reads the value. Then one rearrangement
 * does what all nodes on the way do. Specification: docs/compiler.md ("Rearrangements").
 */
import type { RearrangePart } from '../../graph/integer-graph.ts';
import type { LayerTensor } from './layer-graph.ts';
import { findRuns, makeParts, wholeAxis } from './rearrange-parts.ts';
import { Unsupported } from './unsupported.ts';
import { type Axis, makeView, type View } from './view.ts';

/** `size` indices of an axis, `step` apart. */
interface Digit {
  readonly axis: Axis;
  readonly size: number;
  readonly step: number;
}

export interface FactoredView {
  readonly tensor: LayerTensor;
  /** Per ONNX dimension its digits, slowest first; none for a dimension of size 1. */
  readonly dims: readonly (readonly Digit[])[];
  /** Index of its first element along each axis. */
  readonly start: Readonly<Record<Axis, number>>;
  /** ONNX nodes that it went through. */
  readonly nodes: readonly string[];
}

export function factorView(view: View): FactoredView {
  return {
    tensor: view.tensor,
    dims: view.axes.map((axes) => axes.map((axis) => ({ axis, size: view.tensor[axis], step: 1 }))),
    start: { height: 0, width: 0, channels: 0 },
    nodes: [],
  };
}

export function factoredDims(value: FactoredView): number[] {
  return value.dims.map((digits) => digits.reduce((n, { size }) => n * size, 1));
}

/** The value with other dimensions over the same order of elements; undefined where a digit cannot be divided so. */
export function reshapeFactored(value: FactoredView, dims: readonly number[]): FactoredView | undefined {
  const rest = value.dims.flat();
  const result: Digit[][] = [];
  for (const dim of dims) {
    const taken: Digit[] = [];
    for (let open = dim; open > 1; ) {
      const digit = rest.shift();
      if (!digit) return undefined;
      if (open % digit.size === 0) {
        taken.push(digit);
        open /= digit.size;
      } else if (digit.size % open === 0) {
        const low = digit.size / open;
        taken.push({ axis: digit.axis, size: open, step: digit.step * low });
        rest.unshift({ axis: digit.axis, size: low, step: digit.step });
        open = 1;
      } else return undefined;
    }
    result.push(joinDigits(taken));
  }
  return rest.length === 0 ? { ...value, dims: result } : undefined;
}

export function transposeFactored(value: FactoredView, permutation: readonly number[]): FactoredView {
  return { ...value, dims: permutation.map((from) => value.dims[from]) };
}

/** Indices first, first + step, … (`count` of them) of a dimension; undefined where it runs over several digits and is not taken at one index. */
export function sliceFactored(value: FactoredView, dim: number, first: number, count: number, step: number): FactoredView | undefined {
  const digits = value.dims[dim];
  const start = { ...value.start };
  if (count === 1) {
    let rest = first;
    for (const digit of [...digits].reverse()) {
      start[digit.axis] += (rest % digit.size) * digit.step;
      rest = Math.floor(rest / digit.size);
    }
    return { ...value, start, dims: value.dims.map((list, at) => (at === dim ? [] : list)) };
  }
  if (digits.length !== 1 || step < 1) return undefined;
  const [digit] = digits;
  start[digit.axis] += first * digit.step;
  return {
    ...value,
    start,
    dims: value.dims.map((list, at) => (at === dim ? [{ ...digit, size: count, step: digit.step * step }] : list)),
  };
}

/** Neighbours that are one digit of their axis. */
function joinDigits(digits: readonly Digit[]): Digit[] {
  const joined: Digit[] = [];
  for (const digit of digits) {
    const last = joined.at(-1);
    if (last && last.axis === digit.axis && last.step === digit.step * digit.size)
      joined[joined.length - 1] = { ...digit, size: last.size * digit.size };
    else joined.push(digit);
  }
  return joined;
}

/** The same as a view, if no axis is divided. */
export function plainView({ tensor, dims }: FactoredView): View | undefined {
  const digits = dims.flat();
  const isPlain = digits.every(({ axis, size, step }) => step === 1 && size === tensor[axis]);
  const words = digits.reduce((n, { size }) => n * size, 1);
  if (!isPlain || words !== tensor.height * tensor.width * tensor.channels) return undefined;
  return { tensor, axes: dims.map((list) => list.map(({ axis }) => axis)) };
}

/** A tensor that holds the value in the order of its dimensions. */
export interface Materialized {
  readonly extents: Pick<LayerTensor, 'height' | 'width' | 'channels'>;
  readonly parts: readonly RearrangePart[];
  /** Axes of the view on it, by ONNX dimension. */
  readonly axes: readonly (readonly Axis[])[];
  /** Rows and columns stay where they are. */
  readonly isChannelOrder: boolean;
  /** The parts read the source with its channels in this order. */
  readonly order?: readonly number[];
}

/** Layouts of a value by its rank: which dimension is what. */
const LAYOUTS: Readonly<Record<number, readonly (readonly (Axis | undefined)[])[]>> = {
  1: [['channels']],
  2: [[undefined, 'channels']],
  3: [
    [undefined, 'channels', 'width'],
    [undefined, 'width', 'channels'],
  ],
  4: [
    [undefined, 'channels', 'height', 'width'],
    [undefined, 'height', 'width', 'channels'],
  ],
};

/** As maps usually are, or, where the last dimension runs over channels alone, channels last. @throws Unsupported for values that are no map. */
export function materialize(value: FactoredView): Materialized {
  const sizes = factoredDims(value);
  const layouts = LAYOUTS[sizes.length]?.filter((layout) => layout.every((axis, dim) => axis !== undefined || sizes[dim] === 1)) ?? [];
  if (layouts.length === 0) throw new Unsupported(`its input has shape [${sizes.join(', ')}], which is no map of one frame`);
  const isChannels = ({ axis }: Digit): boolean => axis === 'channels';
  const last = value.dims.at(-1)!;
  const layout = last.length > 0 && last.every(isChannels) && !value.dims[1].some(isChannels) ? layouts.at(-1)! : layouts[0];
  const plain = arrange(value, layout, sizes);
  if (plain.parts.length === 1 || plain.isChannelOrder) return plain;
  const dealt = dealChannels(value, layout);
  return dealt ? { ...arrange(dealt.value, layout, sizes), order: dealt.order } : plain;
}

/** The value with the channels of its tensor in the order in which the result has them; undefined if they are. */
function dealChannels(value: FactoredView, layout: readonly (Axis | undefined)[]): { value: FactoredView; order: number[] } | undefined {
  const slowFirst = (['height', 'width', 'channels'] as const).flatMap((axis) => value.dims[layout.indexOf(axis)] ?? []);
  const digits = slowFirst.filter(({ axis }) => axis === 'channels');
  const total = digits.reduce((n, { size }) => n * size, 1);
  if (total !== value.tensor.channels) return undefined;
  const isOrdered = digits.every(({ step }, at) => at === 0 || step < digits[at - 1].step);
  if (isOrdered) return undefined;
  const order = digits.reduce<number[]>(
    (list, { size, step }) => list.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * step)),
    [0],
  );
  const renamed = new Map<Digit, Digit>();
  let step = 1;
  for (const digit of [...digits].reverse()) {
    renamed.set(digit, { ...digit, step });
    step *= digit.size;
  }
  return { value: { ...value, dims: value.dims.map((list) => list.map((digit) => renamed.get(digit) ?? digit)) }, order };
}

const AXES: readonly Axis[] = ['height', 'width', 'channels'];

interface Loop {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

export function arrange(value: FactoredView, layout: readonly (Axis | undefined)[], sizes: readonly number[]): Materialized {
  const { tensor } = value;
  const sizeOf = (axis: Axis): number => {
    const dim = layout.indexOf(axis);
    return dim < 0 ? 1 : sizes[dim];
  };
  const extents = { height: sizeOf('height'), width: sizeOf('width'), channels: sizeOf('channels') };
  const axes = makeView(
    { ...tensor, ...extents },
    layout.map((axis) => (axis ? [axis] : [])),
  ).axes;
  const digitsOf = (axis: Axis): readonly Digit[] => value.dims[layout.indexOf(axis)] ?? [];
  const order = channelOrder(value, extents, digitsOf);
  if (order)
    return {
      extents,
      axes,
      isChannelOrder: true,
      parts: makeParts(0, tensor, extents, wholeAxis(extents.height), wholeAxis(extents.width), findRuns(order)),
    };

  // Words of a step in the source, and in the result where lower digits vary faster.
  const pitch: Record<Axis, number> = { height: tensor.width * tensor.channels, width: tensor.channels, channels: 1 };
  const first = AXES.reduce((sum, axis) => sum + value.start[axis] * pitch[axis], 0);
  const loops: Loop[] = [];
  let to = 1;
  for (const axis of ['channels', 'width', 'height'] as const) {
    for (const { axis: from, size, step } of [...digitsOf(axis)].reverse()) {
      addLoop(loops, { size, from: step * pitch[from], to });
      to *= size;
    }
  }
  const words = loops[0]?.from === 1 && loops[0].to === 1 ? loops.shift()!.size : 1;
  // The two longest loops are those of a part; the others become parts.
  const [columns, rows, ...others] = [...loops].sort((a, b) => b.size - a.size);
  const starts = others.reduce(
    (list, loop) =>
      list.flatMap(({ from, to: at }) =>
        Array.from({ length: loop.size }, (_, i) => ({ from: from + i * loop.from, to: at + i * loop.to })),
      ),
    [{ from: first, to: 0 }],
  );
  const grid = (offset: number, side: 'from' | 'to') => ({ offset, rowStep: rows?.[side] ?? 0, columnStep: columns?.[side] ?? 0 });
  const parts = starts.map((start): RearrangePart => {
    return {
      input: 0,
      rows: rows?.size ?? 1,
      columns: columns?.size ?? 1,
      words,
      from: grid(start.from, 'from'),
      to: grid(start.to, 'to'),
    };
  });
  return { extents, axes, isChannelOrder: false, parts };
}

/** Joins a loop to the one inside it where both go on alike. */
function addLoop(loops: Loop[], loop: Loop): void {
  const last = loops.at(-1);
  if (last && loop.from === last.from * last.size && loop.to === last.to * last.size)
    loops[loops.length - 1] = { ...last, size: last.size * loop.size };
  else loops.push(loop);
}

/** Which channel of the source each channel of the result takes, if rows and columns stay as they are. */
function channelOrder(
  { tensor, start }: FactoredView,
  extents: { height: number; width: number },
  digitsOf: (axis: Axis) => readonly Digit[],
): number[] | undefined {
  const isWhole = (axis: 'height' | 'width'): boolean =>
    extents[axis] === tensor[axis] && digitsOf(axis).every((digit) => digit.axis === axis && digit.step === 1);
  if (!isWhole('height') || !isWhole('width')) return undefined;
  return digitsOf('channels').reduce<number[]>(
    (list, { size, step }) => list.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * step)),
    [start.channels],
  );
}
