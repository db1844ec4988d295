/**
 * Stages: what the back end schedules. A stage is at most one pass over the MACs and what is fused behind it on the vector units before
 * the store. Specification: docs/compiler.md, "Stages".
 */
import type {
  AveragePoolLayer,
  Clamp,
  ConvLayer,
  IntegerTensor,
  MatMulLayer,
  RearrangePart,
  TableLayer,
  WordGrid,
} from '../../../graph/integer-graph.ts';

/** Sliding window in scheduler terms: flat numbers, input and output extents included. */
export interface Geometry {
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/** Is every window one pixel, and are all of them in turn? Extents may still differ. */
export function isPoint(g: Geometry): boolean {
  return g.kernelH === 1 && g.kernelW === 1 && g.strideH === 1 && g.strideW === 1 && g.padTop === 0 && g.padLeft === 0;
}

/** Every pixel of a map by itself. */
export function pointGeometry(height: number, width: number): Geometry {
  return {
    inHeight: height,
    inWidth: width,
    outHeight: height,
    outWidth: width,
    kernelH: 1,
    kernelW: 1,
    strideH: 1,
    strideW: 1,
    dilationH: 1,
    dilationW: 1,
    padTop: 0,
    padLeft: 0,
  };
}

/** The rectangle of output pixels that one set of weights serves (average pools with varying divisors have several). */
export interface Region {
  readonly y0: number;
  readonly y1: number;
  readonly x0: number;
  readonly x1: number;
}

/** Work of the MAC units in one stage. */
export interface MacWork {
  readonly geometry: Geometry;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Convolution groups; depthwise work has 1 here and `depthwise` set. */
  readonly groups: number;
  readonly depthwise: boolean;
  /** Words per tap and output: input channels of a group; 1 for depthwise. */
  readonly tapWords: number;
  readonly clamp: Clamp;
  readonly source: ConvLayer | AveragePoolLayer | MatMulLayer;
  /** Of an average pool: the divisor of pixel (y, x) is rows[y] · columns[x]. */
  readonly divisors?: { readonly rows: readonly number[]; readonly columns: readonly number[] };
}

/** Words to copy from the stage's input to its output. */
export type CopyBox = Omit<RearrangePart, 'input'>;

/**
 * A tensor that lies inside another, from channel `channelOffset` of its pixels on; with a grid, on these of its words (then channelOffset is 0).
 */
export interface Alias {
  readonly parent: number;
  readonly channelOffset: number;
  readonly grid?: WordGrid;
}

/** Channels [channel, channel + words) of all pixels of a stage's result are also stored into another tensor. */
export interface Scatter {
  readonly target: number;
  readonly channel: number;
  readonly words: number;
  /** Rows and columns of the result go to these words of the target. */
  readonly grid: WordGrid;
}

/** The second operand of vector work on two tensors. */
interface PairOperand {
  /** Its tensor. */
  readonly other: number;
  /** True if it is one pixel, which serves all pixels of the first operand. */
  readonly isPixel: boolean;
  readonly clamp: Clamp;
}

/** The look-up of a sum: an addition that has no bounds but those of a word, and the table behind it, in one. */
type AddTableWork = PairOperand & {
  readonly op: 'addTable';
  readonly shiftA: number;
  readonly shiftB: number;
  readonly shiftSum: number;
  readonly table: TableLayer;
};

/** A product; with `complement` c the factor is what the second operand lacks to 2^c. */
type MulWork = PairOperand & { readonly op: 'mul'; readonly shiftOut: number; readonly complement?: number };

/** Work of a vector unit behind the MACs (or alone). */
export type VecWork =
  | { readonly op: 'max'; readonly geometry: Geometry; readonly clamp: Clamp }
  | (PairOperand & { readonly op: 'add'; readonly shiftA: number; readonly shiftB: number; readonly shiftOut: number })
  | AddTableWork
  | MulWork
  | (PairOperand & { readonly op: 'maximum' })
  | { readonly op: 'table'; readonly table: TableLayer; readonly clamp: Clamp }
  | { readonly op: 'copy'; readonly boxes: readonly CopyBox[] };

/** Vector work with a second operand. */
export type PairWork = Extract<VecWork, PairOperand>;

export function isPairWork(vec: VecWork | undefined): vec is PairWork {
  return vec !== undefined && 'other' in vec;
}

/** Vector work that looks words up. */
export type LookUp = Extract<VecWork, { readonly table: TableLayer }>;

export function isLookUp(vec: VecWork | undefined): vec is LookUp {
  return vec !== undefined && 'table' in vec;
}

/** Can a sum be looked up as it comes from the adder? What the table is given is the sum, within a word only. */
export function canLookUp({ clamp, shiftA, shiftB }: { readonly clamp: Clamp; readonly shiftA: number; readonly shiftB: number }): boolean {
  return clamp.low <= -32768 && clamp.high >= 32767 && (shiftA === 0 || shiftB === 0);
}

/** What the vector unit does for a stage, one after the other: a sum and the table behind it are one look-up. */
export function vecWorks({ vec, table, isTableFirst }: Pick<Stage, 'vec' | 'table' | 'isTableFirst'>): VecWork[] {
  if (vec?.op === 'add' && table && !isTableFirst && canLookUp(vec)) {
    const { other, isPixel, shiftA, shiftB, shiftOut: shiftSum } = vec;
    return [{ op: 'addTable', other, isPixel, shiftA, shiftB, shiftSum, table: table.table, clamp: table.clamp }];
  }
  const works = [vec, table].filter((work) => work !== undefined);
  return isTableFirst ? works.reverse() : works;
}

/** Tensors that a stage reads. */
export function tensorsRead({ input, vec, weights }: Pick<Stage, 'input' | 'vec' | 'weights'>): number[] {
  return [input, ...(isPairWork(vec) ? [vec.other] : []), ...(weights === undefined ? [] : [weights])];
}

/** Words of a tensor that no stage writes: they hold one value from the beginning. */
export interface Fill {
  readonly word: number;
  readonly gaps: readonly { readonly first: number; readonly end: number }[];
}

/** A stripe of columns: of the output, and those of the input that they read. */
export interface Columns {
  readonly output: { readonly first: number; readonly end: number };
  readonly input: { readonly first: number; readonly end: number };
}

export interface Stage {
  readonly name: string;
  readonly op: string;
  readonly nodes: readonly string[];
  readonly input: number;
  readonly output: number;
  readonly mac: MacWork | undefined;
  /** Tensor that holds the weights, of a product of two activations. */
  readonly weights?: number;
  readonly vec: VecWork | undefined;
  /** Activation table applied to the result of a max pool or of work on two operands before it is stored. */
  readonly table: (VecWork & { op: 'table' }) | undefined;
  /** The table comes in front of the work on two operands. */
  readonly isTableFirst?: boolean;
  /** Frames are the rows of one image (layers on 1×1 maps): the stage runs once for all frames. */
  readonly batched: boolean;
  /** Result of the MAC layer, before the vector work. */
  readonly macOutput: number;
  /** The stage computes these output columns only (images too wide for the maps buffers). */
  readonly columns: Columns | undefined;
  /** First input channel that the stage reads (reductions split over input channels). */
  readonly inputChannelOffset: number;
}

/** A stage list over the tensors of its graph. */
export interface StageGraph {
  readonly tensors: readonly IntegerTensor[];
  readonly stages: readonly Stage[];
  /** tensor id → where it lives inside another tensor (concatenations, slices, interleaved pixels). */
  readonly aliases: ReadonlyMap<number, Alias>;
  /** Other places where a stage's result is stored, by tensor. */
  readonly scatters: ReadonlyMap<number, readonly Scatter[]>;
  /** Results of which nothing but the scatters is stored. */
  readonly virtual: ReadonlySet<number>;
  /** Tensors of which stages write only parts. */
  readonly fills: ReadonlyMap<number, Fill>;
  /** Words of tensors that no stage makes, by tensor: constants of the network. */
  readonly constants: ReadonlyMap<number, Int16Array>;
}

/** Tensors into which a stage stores. */
export function tensorsWritten({ scatters }: Pick<StageGraph, 'scatters'>, { output }: Pick<Stage, 'output'>): number[] {
  return [output, ...(scatters.get(output) ?? []).map(({ target }) => target)];
}

/** Valid kernel rows (or columns) of output row (column) `index`: how many taps of `kernel` lie inside 0..extent-1, and the first of them. */
export function validTaps(
  index: number,
  stride: number,
  dilation: number,
  pad: number,
  kernel: number,
  extent: number,
): { first: number; count: number } {
  const origin = index * stride - pad;
  const first = origin >= 0 ? 0 : Math.ceil(-origin / dilation);
  const last = Math.min(kernel - 1, Math.floor((extent - 1 - origin) / dilation));
  return { first, count: Math.max(0, last - first + 1) };
}

/** Useful MACs of one frame, padding taps skipped. */
export function countMacs(work: MacWork): number {
  const g = work.geometry;
  let rows = 0;
  for (let y = 0; y < g.outHeight; y++) rows += validTaps(y, g.strideH, g.dilationH, g.padTop, g.kernelH, g.inHeight).count;
  let columns = 0;
  for (let x = 0; x < g.outWidth; x++) columns += validTaps(x, g.strideW, g.dilationW, g.padLeft, g.kernelW, g.inWidth).count;
  return rows * columns * work.tapWords * work.outChannels;
}

/** Widest kernel of a descriptor. */
const MAX_KERNEL_WIDTH = 1023;

/** Does the kernel cover the whole input map, once? Then the layer is a pointwise one on the flattened map. */
export function coversMap(work: MacWork): boolean {
  const g = work.geometry;
  const isPlain = g.padTop === 0 && g.padLeft === 0 && work.groups === 1 && !work.depthwise && g.dilationH === 1 && g.dilationW === 1;
  const isWhole = g.outHeight === 1 && g.outWidth === 1 && g.kernelH === g.inHeight && g.kernelW === g.inWidth;
  return isPlain && isWhole && work.tapWords === work.inChannels && g.kernelH * g.kernelW <= MAX_KERNEL_WIDTH;
}
