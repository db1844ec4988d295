/**
 * Enlarging and shrinking maps. Nearest neighbours only move words; linear interpolation is a set of depthwise convolutions, one for each position of a
 * result pixel between its neighbours (phase-convolution.ts), on the map with its edges repeated. ONNX operators Resize, Upsample.
 */
import type { GraphNode } from '../../../graph/graph.ts';
import type { RearrangePart } from '../../../graph/integer-graph.ts';
import { toNumbers } from '../../../graph/tensor.ts';
import { findConstant, getNumber, getNumbers, getString } from '../attributes.ts';
import { addTensor, type Draft, needView } from '../draft.ts';
import type { LayerTensor } from '../layer-graph.ts';
import { addPhases, type Phase } from '../phase-convolution.ts';
import { findRuns, makeParts, wholeAxis } from '../rearrange-parts.ts';
import { Unsupported } from '../unsupported.ts';
import { type Axis, makeView, type View, viewDims } from '../view.ts';
import { pushIndexMaps, pushRearrange, singleAxes } from './rearrange.ts';

/** Size and coordinates along one dimension: result position x lies at `position(x)` of the source, unclamped. */
interface Scaling {
  readonly size: number;
  readonly outSize: number;
  readonly position: (x: number) => number;
}

/** Convolutions that an interpolation may become; more are left to the host. */
const MAX_PHASES = 64;
/** Convolutions that interpolate along both axes at once; more are fewer along one axis after the other. */
const MAX_DIRECT = 16;
/** Coordinates this close to each other are the same: weights have 15 bits. */
const SAME = 2 ** -18;

/** Coordinates in float32, as ONNX Runtime computes them: rounding decides what is nearest. */
function makePosition(node: GraphNode, mode: string, size: number, outSize: number, scale: number): (x: number) => number {
  const f = Math.fround;
  const s = f(scale);
  switch (mode) {
    case 'half_pixel':
      return (x) => f(f(f(x + 0.5) / s) - 0.5);
    case 'pytorch_half_pixel':
      return outSize > 1 ? (x) => f(f(f(x + 0.5) / s) - 0.5) : () => 0;
    case 'asymmetric':
      return (x) => f(x / s);
    case 'align_corners':
      return outSize > 1 ? (x) => f(f(x * (size - 1)) / (outSize - 1)) : () => 0;
    default:
      throw new Unsupported(`coordinate_transformation_mode "${mode}" of "${node.op}" is not supported`);
  }
}

function readScalings(draft: Draft, node: GraphNode, view: View): Scaling[] {
  const dims = viewDims(view);
  const isUpsample = node.op === 'Upsample';
  const mode = isUpsample
    ? 'asymmetric'
    : getString(node, 'coordinate_transformation_mode', draft.graph.opset < 11 ? 'asymmetric' : 'half_pixel');
  const scalesAt = isUpsample || draft.graph.opset < 11 ? 1 : 2;
  const numbers = (index: number): number[] | undefined => {
    const constant = findConstant(draft.graph, node, index);
    if (node.inputs[index] && !constant) throw new Unsupported(`its size (input ${index}) must be constant`);
    return constant && constant.dims.reduce((n, dim) => n * dim, 1) > 0 ? toNumbers(constant) : undefined;
  };
  const scales = getNumbers(node, 'scales') ?? numbers(scalesAt);
  const sizes = scalesAt === 2 ? numbers(3) : undefined;
  if (getString(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch' && sizes) throw new Unsupported('it keeps the aspect ratio');
  const axes = (getNumbers(node, 'axes') ?? dims.map((_, dim) => dim)).map((axis) => (axis < 0 ? axis + dims.length : axis));
  return dims.map((size, dim): Scaling => {
    const at = axes.indexOf(dim);
    const outSize = at < 0 ? size : (sizes?.[at] ?? Math.floor(size * (scales?.[at] ?? 1)));
    const scale = at >= 0 && !sizes && scales ? scales[at] : outSize / size;
    if (outSize < 1) throw new Unsupported('its result is empty');
    return { size, outSize, position: outSize === size && scale === 1 ? (x) => x : makePosition(node, mode, size, outSize, scale) };
  });
}

const ROUNDINGS: Readonly<Record<string, (v: number) => number>> = {
  round_prefer_floor: (v) => Math.ceil(v - 0.5),
  round_prefer_ceil: (v) => Math.floor(v + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

export function buildResize(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const scalings = readScalings(draft, node, view);
  const mode = getString(node, 'mode', 'nearest');
  if (mode === 'nearest') {
    const nearest = node.op === 'Upsample' || draft.graph.opset < 11 ? 'floor' : getString(node, 'nearest_mode', 'round_prefer_floor');
    const rounding = ROUNDINGS[nearest];
    if (!rounding) throw new Unsupported(`nearest_mode "${nearest}" is not known`);
    const maps = scalings.map(({ size, outSize, position }) =>
      position(outSize - 1) === size - 1 && outSize === size
        ? undefined
        : Array.from({ length: outSize }, (_, x) => Math.min(size - 1, Math.max(0, rounding(position(x))))),
    );
    pushIndexMaps(draft, node, view, maps);
  } else if (mode === 'linear' || mode === 'bilinear') buildLinear(draft, node, view, scalings);
  else throw new Unsupported(`mode "${mode}" is not supported; nearest and linear are`);
}

/** Along one axis: phases on the source with `before` copies of its first and `after` of its last element around it. */
interface AxisPlan {
  readonly phases: readonly Phase[];
  /** Weights of the taps, by kernel index (Phase.taps). */
  readonly weights: readonly number[];
  readonly before: number;
  readonly after: number;
}

function planAxis({ size, outSize, position }: Scaling): AxisPlan {
  const points = Array.from({ length: outSize }, (_, x) => {
    // Beyond the last element's copy nothing changes any more.
    const at = Math.min(size, Math.max(-1, position(x)));
    const low = Math.floor(at + SAME);
    const share = at - low;
    return { low, share: share < SAME ? 0 : share };
  });
  const before = Math.max(0, -Math.min(...points.map(({ low }) => low)));
  const after = Math.max(0, ...points.map(({ low, share }) => low + (share > 0 ? 1 : 0) - (size - 1)));
  const weights: number[] = [];
  const phases: Phase[] = [];
  // Every share between neighbours is a phase, or several where its results are not evenly spaced.
  const shares = [...new Set(points.map(({ share }) => Math.round(share / SAME)))];
  for (const wanted of shares) {
    const lows = points.map(({ low, share }) => (Math.round(share / SAME) === wanted ? low + before : -1));
    const share = points[lows.findIndex((low) => low >= 0)].share;
    const taps = share === 0 ? [weights.length] : [weights.length, weights.length + 1];
    weights.push(...(share === 0 ? [1] : [1 - share, share]));
    for (const run of findRuns(lows)) {
      const stride = run.count > 1 ? run.fromStep : 1;
      if (stride === 0) throw new Unsupported('it repeats an interpolated value');
      phases.push({ first: run.to, step: run.toStep, count: run.count, origin: run.from, stride, dilation: 1, taps });
    }
  }
  return { phases, weights, before, after };
}

function buildLinear(draft: Draft, node: GraphNode, view: View, scalings: readonly Scaling[]): void {
  if (getNumber(node, 'antialias', 0) !== 0) throw new Unsupported('antialias is not supported');
  if (getNumber(node, 'exclude_outside', 0) !== 0) throw new Unsupported('exclude_outside is not supported');
  const axes = singleAxes(view);
  const named: readonly (Axis | undefined)[] =
    view.axes.length === 4 ? [undefined, 'channels', 'height', 'width'] : [undefined, 'channels', 'width'];
  const resultAxes = scalings.map(({ size, outSize }, dim) => axes[dim] ?? (outSize !== size ? named[dim] : undefined));
  const along = (axis: 'height' | 'width'): Scaling => {
    const dim = resultAxes.indexOf(axis);
    const size = view.tensor[axis];
    return dim < 0 ? { size, outSize: size, position: (x) => x } : scalings[dim];
  };
  scalings.forEach(({ size, outSize }, dim) => {
    const axis = resultAxes[dim];
    if (size !== outSize && axis !== 'height' && axis !== 'width') throw new Unsupported('it interpolates between channels or frames');
  });
  const [vertical, horizontal] = [along('height'), along('width')];
  const [rows, columns] = [planAxis(vertical), planAxis(horizontal)];
  const direct = rows.phases.length * columns.phases.length;
  const inSteps = rows.phases.length + columns.phases.length;
  if (inSteps > MAX_PHASES) {
    throw new Unsupported(`its ratio needs ${inSteps} different interpolations; ${MAX_PHASES} at most become convolutions`);
  }
  const { tensor } = view;
  let step: { inputs: LayerTensor[]; parts: RearrangePart[] };
  if (direct <= MAX_DIRECT) step = interpolate(draft, node, node.outputs[0], tensor, rows, columns);
  else {
    // One axis after the other: fewer convolutions, one rounding more. Columns first: then the many results of the rows follow each other in memory.
    const middle = addTensor(draft, `${node.outputs[0]}#columns`, { ...tensor, width: horizontal.outSize }, node.outputs[0]);
    const { inputs, parts } = interpolate(draft, node, middle.name, tensor, wholePlan(tensor.height), columns);
    const sources = inputs.map(({ id }) => id);
    const name = `${node.name}#columns`;
    draft.layers.push({ kind: 'rearrange', name, nodes: [node.name], inputs: sources, output: middle.id, parts, fill: 0 });
    step = interpolate(draft, node, node.outputs[0], middle, rows, wholePlan(middle.width));
  }
  const extents = { height: vertical.outSize, width: horizontal.outSize, channels: tensor.channels };
  const result = pushRearrange(draft, node, step.inputs, extents, step.parts);
  draft.views.set(
    node.outputs[0],
    makeView(
      result,
      resultAxes.map((axis) => (axis ? [axis] : [])),
    ),
  );
}

const sizeOf = ({ phases }: AxisPlan): number => phases.reduce((sum, { count }) => sum + count, 0);

/** An axis that stays as it is. */
function wholePlan(size: number): AxisPlan {
  return { phases: [{ first: 0, step: 1, count: size, origin: 0, stride: 1, dilation: 1, taps: [0] }], weights: [1], before: 0, after: 0 };
}

/** The convolutions that interpolate along both axes, and where their results belong. */
function interpolate(draft: Draft, node: GraphNode, value: string, tensor: LayerTensor, rows: AxisPlan, columns: AxisPlan) {
  const source = repeatEdges(draft, node, value, tensor, rows, columns);
  const { channels } = source;
  const output = { id: -1, name: value, measurable: false, height: sizeOf(rows), width: sizeOf(columns), channels };
  const weightOf = (_: number, ky: number, kx: number): number => rows.weights[ky] * columns.weights[kx];
  const layer = value === node.outputs[0] ? node.name : `${node.name}#columns`;
  const common = {
    node: node.name,
    layer,
    value,
    range: node.outputs[0],
    source,
    output,
    groups: channels,
    weightOf,
    bias: new Float64Array(channels),
  };
  return addPhases(draft, common, rows.phases, columns.phases);
}

/** The source with copies of its first and last rows and columns around it. */
function repeatEdges(draft: Draft, node: GraphNode, value: string, source: LayerTensor, rows: AxisPlan, columns: AxisPlan): LayerTensor {
  if (rows.before + rows.after + columns.before + columns.after === 0) return source;
  const spread = (size: number, { before, after }: AxisPlan): number[] =>
    Array.from({ length: before + size + after }, (_, i) => Math.min(size - 1, Math.max(0, i - before)));
  const [rowSources, columnSources] = [spread(source.height, rows), spread(source.width, columns)];
  const extents = { height: rowSources.length, width: columnSources.length, channels: source.channels };
  const tensor = addTensor(draft, `${value}#edges`, extents, false);
  draft.layers.push({
    kind: 'rearrange',
    name: value === node.outputs[0] ? `${node.name}#edges` : `${node.name}#columns#edges`,
    nodes: [node.name],
    inputs: [source.id],
    output: tensor.id,
    parts: makeParts(0, source, extents, findRuns(rowSources), findRuns(columnSources), wholeAxis(source.channels)),
    fill: 0,
  });
  return tensor;
}
