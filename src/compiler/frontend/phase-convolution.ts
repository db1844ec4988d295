/**
 * Convolutions whose results are interleaved: a transposed convolution, or an enlargement by interpolation, is along each axis a set of *phases*, each an
 * ordinary convolution on the source, whose results are every stride-th row or column. Specification: docs/compiler.md ("Rearrangements").
 */
import type { RearrangePart } from '../../graph/integer-graph.ts';
import { addTensor, type Draft } from './draft.ts';
import { type LayerTensor, NO_CLAMP } from './layer-graph.ts';
import { makeParts, wholeAxis } from './rearrange-parts.ts';

/** Positions first, first + step, … (count of them) of the result along one axis. */
export interface Phase {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  /** Source position of tap 0 at the first of them; may be negative (padding) or inside. */
  readonly origin: number;
  readonly stride: number;
  readonly dilation: number;
  /** Tap k of the phase is kernel index taps[k] of the whole kernel. May be empty: nothing but the bias. */
  readonly taps: readonly number[];
}

/** The convolutions of one node. */
export interface PhaseWork {
  /** Name of the node, and of the value it makes. */
  readonly node: string;
  /** Name of its layers, which a number follows. */
  readonly layer: string;
  readonly value: string;
  /** ONNX value whose range holds for all results. */
  readonly range: string;
  readonly source: LayerTensor;
  readonly output: LayerTensor;
  readonly groups: number;
  /** Weight of (output channel, kernel row, kernel column, input channel of the group). */
  readonly weightOf: (o: number, ky: number, kx: number, i: number) => number;
  readonly bias: Float64Array;
}

/**
 * Adds a convolution for every set of phases that see the source in the same way (ungrouped ones share one, their channels behind each other), and
 * returns the tensors and where their words belong in the output. Every pixel of the output must be in one phase of either axis.
 */
export function addPhases(
  draft: Draft,
  work: PhaseWork,
  rows: readonly Phase[],
  columns: readonly Phase[],
): { inputs: LayerTensor[]; parts: RearrangePart[] } {
  const inputs: LayerTensor[] = [];
  const parts: RearrangePart[] = [];
  const crops = new Map<string, LayerTensor>();
  for (const rowSet of groupPhases(rows, work.groups === 1)) {
    for (const columnSet of groupPhases(columns, work.groups === 1)) {
      const tensor = addConvolution(draft, work, rowSet, columnSet, inputs.length, crops);
      parts.push(...partsOf(work, tensor, rowSet, columnSet, inputs.length));
      inputs.push(tensor);
    }
  }
  return { inputs, parts };
}

/** Phases with one window: same origin, stride, dilation, number of taps and results. */
function groupPhases(phases: readonly Phase[], mayJoin: boolean): Phase[][] {
  const groups = new Map<string, Phase[]>();
  phases.forEach((phase, at) => {
    const { origin, stride, dilation, taps, count, step } = phase;
    const key = mayJoin ? [origin, stride, dilation, taps.length, count, step].join() : `${at}`;
    groups.set(key, [...(groups.get(key) ?? []), phase]);
  });
  return [...groups.values()];
}

function addConvolution(
  draft: Draft,
  work: PhaseWork,
  rowSet: readonly Phase[],
  columnSet: readonly Phase[],
  at: number,
  crops: Map<string, LayerTensor>,
): LayerTensor {
  const { output, groups, node, layer, value, range } = work;
  const [row] = rowSet;
  const [column] = columnSet;
  const isBeyond = row.origin >= work.source.height || column.origin >= work.source.width;
  const isEmpty = isBeyond || row.taps.length === 0 || column.taps.length === 0;
  // Windows start inside the source where that lies beyond padding: a slice of it.
  const source = isEmpty ? work.source : cropSource(draft, work, Math.max(0, row.origin), Math.max(0, column.origin), crops);
  const perGroup = source.channels / groups;
  // Without taps all windows lie above the source: results are the bias.
  const [kernelH, kernelW] = isEmpty ? [1, 1] : [row.taps.length, column.taps.length];
  const outChannels = rowSet.length * columnSet.length * output.channels;
  const data = new Float32Array(isEmpty ? 1 : outChannels * kernelH * kernelW * perGroup);
  const bias = new Float64Array(outChannels);
  let o = 0;
  let next = 0;
  for (const { taps: rowTaps } of rowSet) {
    for (const { taps: columnTaps } of columnSet) {
      for (let channel = 0; channel < output.channels; channel++) {
        bias[o++] = work.bias[channel];
        if (isEmpty) continue;
        for (const ky of rowTaps) {
          for (const kx of columnTaps) for (let i = 0; i < perGroup; i++) data[next++] = work.weightOf(channel, ky, kx, i);
        }
      }
    }
  }
  const taps = kernelH * kernelW * perGroup;
  const tensor = addTensor(draft, `${value}#phase${at}`, { height: row.count, width: column.count, channels: outChannels }, range);
  draft.layers.push({
    kind: 'conv',
    name: `${layer}#phase${at}`,
    nodes: [node],
    inputs: [source.id],
    output: tensor.id,
    window: {
      kernel: [kernelH, kernelW],
      stride: isEmpty ? [1, 1] : [row.stride, column.stride],
      dilation: isEmpty ? [1, 1] : [row.dilation, column.dilation],
      pads: isEmpty ? [row.count, 0, 0, 0] : [Math.max(0, -row.origin), Math.max(0, -column.origin), 0, 0],
    },
    groups,
    weights: {
      data,
      offset: 0,
      strides: isEmpty ? { output: 0, row: 0, column: 0, input: 0 } : { output: taps, row: kernelW * perGroup, column: perGroup, input: 1 },
    },
    bias,
    clamp: NO_CLAMP,
  });
  return tensor;
}

function cropSource(draft: Draft, work: PhaseWork, row: number, column: number, crops: Map<string, LayerTensor>): LayerTensor {
  const { source, node, layer, value } = work;
  if (row === 0 && column === 0) return source;
  const key = `${row},${column}`;
  const known = crops.get(key);
  if (known) return known;
  const extents = { height: source.height - row, width: source.width - column, channels: source.channels };
  const crop = addTensor(draft, `${value}#from${key}`, extents, false);
  const run = (from: number, count: number) => [{ to: 0, toStep: 1, from, fromStep: 1, count }];
  draft.layers.push({
    kind: 'rearrange',
    name: `${layer}#from${key}`,
    nodes: [node],
    inputs: [source.id],
    output: crop.id,
    parts: makeParts(0, source, extents, run(row, extents.height), run(column, extents.width), wholeAxis(source.channels)),
    fill: 0,
  });
  crops.set(key, crop);
  return crop;
}

/** Where the words of a convolution belong. Neighbouring columns of a set are one run of words. */
function partsOf(
  work: PhaseWork,
  tensor: LayerTensor,
  rowSet: readonly Phase[],
  columnSet: readonly Phase[],
  input: number,
): RearrangePart[] {
  const { output } = work;
  const pitch = output.width * output.channels;
  const isRun = columnSet.every(({ first, step }, i) => first === columnSet[0].first + i && (i === 0 || step >= columnSet.length));
  const runs = isRun ? [columnSet] : columnSet.map((phase) => [phase]);
  const parts: RearrangePart[] = [];
  let channel = 0;
  for (const row of rowSet) {
    for (const [column, ...others] of runs) {
      const words = (others.length + 1) * output.channels;
      parts.push({
        input,
        rows: row.count,
        columns: column.count,
        words,
        from: { offset: channel, rowStep: tensor.width * tensor.channels, columnStep: tensor.channels },
        to: {
          offset: row.first * pitch + column.first * output.channels,
          rowStep: row.step * pitch,
          columnStep: column.step * output.channels,
        },
      });
      channel += words;
    }
  }
  return parts;
}
