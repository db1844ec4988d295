/**
 * Integer graph → stages: which layers run together. Requires a valid integer graph in execution order. Guarantees that every layer is in exactly one
 * stage (or is a concatenation without work), and that stages are in execution order. Specification: docs/compiler.md, "Stages".
 *
 *   conv → add(skip) → …        ⇒  one stage: MAC, vector add
 *   conv → maxpool → conv       ⇒  two stages: MAC + vector max, MAC
 *   concat(a, b)                ⇒  none: a and b are stored into slices of the result
 */

import { averageDivisors } from '../../../graph/average-pool.ts';
import type {
  AveragePoolLayer,
  Clamp,
  ConvLayer,
  IntegerGraph,
  IntegerLayer,
  IntegerTensor,
  MatMulLayer,
  MaxPoolLayer,
  TableLayer,
  Window,
} from '../../../graph/integer-graph.ts';
import { InputError } from '../../../util/errors.ts';
import { type Complement, complementOf } from './complement.ts';
import { findDenseTensors, placeRearrange } from './place-rearrange.ts';
import {
  type Alias,
  type CopyBox,
  canLookUp,
  coversMap,
  type Fill,
  type Geometry,
  type MacWork,
  type Scatter,
  type Stage,
  type StageGraph,
  type VecWork,
  validTaps,
} from './stage.ts';
import { naturalGrid } from './word-grid.ts';

export function buildStages(graph: IntegerGraph): StageGraph {
  const consumers = new Map<number, IntegerLayer[]>();
  for (const layer of graph.layers) {
    for (const id of layer.inputs) consumers.set(id, [...(consumers.get(id) ?? []), layer]);
  }
  const outputs = new Set(graph.outputs.map((value) => value.tensor));
  const produced = new Set(graph.inputs.map((value) => value.tensor));
  const fused = new Set<IntegerLayer>();
  const aliases = new Map<number, Alias>();
  const scatters = new Map<number, Scatter[]>();
  const fills = new Map<number, Fill>();
  const served = new Map<number, Set<IntegerLayer>>();
  const stageResults = new Set<number>();
  const dense = findDenseTensors(graph);
  const stages: Stage[] = [];
  const constants = new Map<number, Int16Array>();
  const makers = new Map(graph.layers.map((layer) => [layer.output, layer]));
  /** Complements that products make themselves, by tensor. */
  const complements = new Map<number, Complement>();

  for (const layer of graph.layers) {
    if (fused.has(layer)) continue;
    if (layer.kind === 'constant') {
      constants.set(layer.output, layer.words);
      produced.add(layer.output);
      continue;
    }
    const complement = joinComplement(layer);
    if (complement) {
      complements.set(layer.output, complement);
      produced.add(layer.output);
      continue;
    }
    // A product's second operand is the one that is complemented.
    const input = complements.has(layer.inputs[0]!) ? layer.inputs[1]! : layer.inputs[0]!;
    let output = layer.output;
    let mac: MacWork | undefined;
    let vec: VecWork | undefined;
    let table: (VecWork & { op: 'table' }) | undefined;
    let isTableFirst = false;
    const parts: IntegerLayer[] = [layer];
    switch (layer.kind) {
      case 'conv':
      case 'matmul':
      case 'averagepool': {
        mac = macWork(graph, layer);
        const next = fusible(layer, mac);
        if (next) {
          vec = vecWork(graph, complements, next, output);
          fused.add(next);
          parts.push(next);
          output = next.output;
          // Behind a pool or a sum comes its activation, or, if it keeps order, the activation in front of it: fewer look-ups, the same bits.
          const last = soleReader(next);
          if (last?.kind === 'table' && next.kind !== 'table') table = { op: 'table', table: last, clamp: last.clamp };
          if (last?.kind === 'maxpool' && next.kind === 'table' && isMonotone(next) && hasFullWindows(graph, last)) {
            vec = vecWork(graph, complements, last, layer.output, { low: -32768, high: 32767 });
            table = { op: 'table', table: next, clamp: intersect(next.clamp, last.clamp) };
          }
          // A factor that a table makes of the sum: squashed, then multiplied.
          if (last && next.kind === 'table' && !mac.depthwise && isJoinable(last, next.output)) {
            vec = vecWork(graph, complements, last, next.output);
            table = { op: 'table', table: next, clamp: next.clamp };
            isTableFirst = true;
          }
          if (last && table) {
            fused.add(last);
            parts.push(last);
            output = last.output;
          }
        }
        break;
      }
      case 'add': {
        vec = vecWork(graph, complements, layer, input);
        const next = soleReader(layer);
        if (next?.kind === 'table' && canLookUp(layer)) {
          table = { op: 'table', table: next, clamp: next.clamp };
          fused.add(next);
          parts.push(next);
          output = next.output;
        }
        break;
      }
      case 'maxpool':
      case 'mul':
      case 'maximum':
      case 'table':
        vec = vecWork(graph, complements, layer, input);
        break;
      case 'rearrange': {
        const state = { graph, aliases, scatters, served, stageResults, outputs, dense, fills };
        for (const { input: from, boxes } of placeRearrange(layer, state)) pushCopy(layer, from, boxes);
        produced.add(layer.output);
        continue;
      }
      case 'concat': {
        placeConcat(layer);
        produced.add(layer.output);
        continue;
      }
    }
    const tensor = graph.tensors[output]!;
    const source = graph.tensors[input]!;
    const flat = mac !== undefined && ((isFlat(source) && isPointwise(mac.geometry)) || coversMap(mac));
    // The frames of a product of activations have weights of their own.
    const batched = flat && vec?.op !== 'max' && isFlat(tensor) && layer.kind !== 'matmul';
    stages.push({
      name: layer.name,
      op: describe(parts, graph),
      nodes: [
        ...parts.flatMap((part) => part.inputs.flatMap((id) => complements.get(id)?.nodes ?? [])),
        ...parts.flatMap((part) => part.nodes),
      ],
      input,
      output,
      mac,
      ...(layer.kind === 'matmul' ? { weights: layer.inputs[1]! } : {}),
      vec,
      table,
      isTableFirst,
      macOutput: layer.output,
      columns: undefined,
      batched,
      inputChannelOffset: layer.kind === 'conv' ? (layer.inputChannelOffset ?? 0) : 0,
    });
    produced.add(output);
    stageResults.add(output);
  }
  return { tensors: graph.tensors, stages, aliases, scatters, virtual: findVirtual(), fills, constants };

  /** Results of which every reader finds what it needs elsewhere. */
  function findVirtual(): Set<number> {
    const isServed = (id: number): boolean => (consumers.get(id) ?? []).every((layer) => served.get(id)?.has(layer));
    return new Set([...scatters.keys()].filter((id) => !aliases.has(id) && !outputs.has(id) && isServed(id)));
  }

  /** The one layer that may run on the vector unit behind this MAC layer. */
  function fusible(layer: IntegerLayer, work: MacWork): IntegerLayer | undefined {
    const next = soleReader(layer);
    if (!next) return undefined;
    // Depthwise results stay in the CU that made them: what works word by word can follow them there.
    if (work.depthwise) return next.kind === 'table' && layer.kind === 'conv' ? next : undefined;
    if (next.kind === 'maxpool' || next.kind === 'table') return next;
    return isJoinable(next, layer.output) ? next : undefined;
  }

  /** May work on two operands join the stage that makes `result`? The other operand exists; a factor per channel, which has fewer pixels, is the other one. */
  function isJoinable(next: IntegerLayer, result: number): boolean {
    if (next.kind !== 'add' && next.kind !== 'mul' && next.kind !== 'maximum') return false;
    const other = next.inputs[0] === result ? next.inputs[1]! : next.inputs[0]!;
    return other !== result && isReady(other) && isSameShape(result, next.output);
  }

  /** A complement that is read by a product with something else alone. */
  function joinComplement(layer: IntegerLayer): Complement | undefined {
    const power = complementOf(layer, makers.get(layer.inputs[0]!));
    const next = soleReader(layer);
    if (power === undefined || next?.kind !== 'mul') return undefined;
    const [a, b] = next.inputs as [number, number];
    const isFree = a !== b && !complements.has(a === layer.output ? b : a);
    return isFree && isSameShape(a, b) ? { of: layer.inputs[0]!, power, nodes: layer.nodes } : undefined;
  }

  /** The only layer that reads a layer's result, unless that is an output. */
  function soleReader(layer: IntegerLayer): IntegerLayer | undefined {
    const users = consumers.get(layer.output) ?? [];
    return users.length === 1 && !outputs.has(layer.output) ? users[0] : undefined;
  }

  function isSameShape(a: number, b: number): boolean {
    const [x, y] = [graph.tensors[a]!, graph.tensors[b]!];
    return x.height === y.height && x.width === y.width;
  }

  function isReady(tensor: number): boolean {
    return produced.has(tensor);
  }

  function pushCopy(layer: IntegerLayer, input: number, boxes: readonly CopyBox[]): void {
    const words = boxes.reduce((sum, box) => sum + box.rows * box.columns * box.words, 0);
    stages.push({
      name: layer.name,
      op: `copy ${words} words`,
      nodes: layer.nodes,
      input,
      output: layer.output,
      mac: undefined,
      vec: { op: 'copy', boxes },
      table: undefined,
      macOutput: input,
      columns: undefined,
      batched: false,
      inputChannelOffset: 0,
    });
  }

  /** Inputs of a concatenation become slices of its result; what can't be a slice (an input of the graph, a tensor in two concatenations) is copied. */
  function placeConcat(layer: IntegerLayer): void {
    let channelOffset = 0;
    for (const id of layer.inputs) {
      const tensor = graph.tensors[id]!;
      const isInput = constants.has(id) || fills.has(id) || graph.inputs.some((value) => value.tensor === id);
      const isMisaligned = dense.lines.has(id) && (channelOffset % 16 > 0 || graph.tensors[layer.output]!.channels % 16 > 0);
      if (isInput || isMisaligned || aliases.has(id) || outputs.has(id) || id === layer.output || dense.cut.has(id)) {
        const { height, width, channels } = tensor;
        const target = graph.tensors[layer.output]!;
        const to = { ...naturalGrid(target), offset: channelOffset };
        pushCopy(layer, id, [{ rows: height, columns: width, words: channels, from: naturalGrid(tensor), to }]);
      } else {
        aliases.set(id, { parent: layer.output, channelOffset });
      }
      channelOffset += tensor.channels;
    }
  }
}

function isFlat(tensor: IntegerTensor): boolean {
  return tensor.height === 1 && tensor.width === 1;
}

function isPointwise(g: Geometry): boolean {
  return g.kernelH === 1 && g.kernelW === 1;
}

export function geometryOf(window: Window, input: IntegerTensor, output: IntegerTensor): Geometry {
  return {
    inHeight: input.height,
    inWidth: input.width,
    outHeight: output.height,
    outWidth: output.width,
    kernelH: window.kernel[0],
    kernelW: window.kernel[1],
    strideH: window.stride[0],
    strideW: window.stride[1],
    dilationH: window.dilation[0],
    dilationW: window.dilation[1],
    padTop: window.pads[0],
    padLeft: window.pads[1],
  };
}

const POINTWISE: Window = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };

function macWork(graph: IntegerGraph, layer: ConvLayer | AveragePoolLayer | MatMulLayer): MacWork {
  const input = graph.tensors[layer.inputs[0]!]!;
  const output = graph.tensors[layer.output]!;
  const geometry = geometryOf(layer.kind === 'matmul' ? POINTWISE : layer.window, input, output);
  if (layer.kind === 'matmul') {
    const { channels } = input;
    return {
      geometry,
      inChannels: channels,
      outChannels: output.channels,
      groups: 1,
      depthwise: false,
      tapWords: channels,
      clamp: layer.clamp,
      source: layer,
    };
  }
  if (layer.kind === 'averagepool') {
    const channels = input.channels;
    return {
      geometry,
      inChannels: channels,
      outChannels: channels,
      groups: 1,
      depthwise: true,
      tapWords: 1,
      clamp: layer.clamp,
      source: layer,
      divisors: averageDivisors(layer, input, output),
    };
  }
  const inChannels = layer.inputChannels ?? input.channels;
  const outChannels = output.channels;
  const depthwise = layer.groups > 1 && layer.groups === inChannels && layer.groups === outChannels;
  return {
    geometry,
    inChannels,
    outChannels,
    groups: depthwise ? 1 : layer.groups,
    depthwise,
    tapWords: depthwise ? 1 : inChannels / layer.groups,
    clamp: layer.clamp,
    source: layer,
  };
}

function vecWork(
  graph: IntegerGraph,
  complements: ReadonlyMap<number, Complement>,
  layer: IntegerLayer,
  first: number,
  clamp?: Clamp,
): VecWork {
  switch (layer.kind) {
    case 'maxpool':
      return {
        op: 'max',
        geometry: geometryOf(layer.window, graph.tensors[first]!, graph.tensors[layer.output]!),
        clamp: clamp ?? layer.clamp,
      };
    case 'table':
      return { op: 'table', table: layer, clamp: layer.clamp };
    case 'add':
    case 'mul':
    case 'maximum': {
      const swapped = layer.inputs[0] !== first;
      const second = swapped ? layer.inputs[0]! : layer.inputs[1]!;
      const complement = complements.get(second);
      const other = complement?.of ?? second;
      const isPixel = isFlat(graph.tensors[other]!) && !isFlat(graph.tensors[layer.output]!);
      const pair = { other, isPixel, clamp: layer.clamp };
      if (layer.kind === 'maximum') return { op: 'maximum', ...pair };
      if (layer.kind === 'mul')
        return { op: 'mul', ...pair, shiftOut: layer.shiftOut, ...(complement ? { complement: complement.power } : {}) };
      return {
        op: 'add',
        ...pair,
        shiftA: swapped ? layer.shiftB : layer.shiftA,
        shiftB: swapped ? layer.shiftA : layer.shiftB,
        shiftOut: layer.shiftOut,
      };
    }
    default:
      throw new InputError(`layer ${layer.name} (${layer.kind}) has no vector form`);
  }
}

/** Does a table never fall? Then it may be applied after a maximum as well as before it. */
function isMonotone(layer: TableLayer): boolean {
  const at = (word: number): number => {
    const index = (word + 32768) >> 8;
    return layer.base[index]! + layer.slope[index]! * (word & 255);
  };
  for (let word = -32767; word <= 32767; word++) if (at(word) < at(word - 1)) return false;
  return true;
}

/** Has every window at least one tap inside the input? An empty one has no maximum. */
function hasFullWindows(graph: IntegerGraph, layer: MaxPoolLayer): boolean {
  const g = geometryOf(layer.window, graph.tensors[layer.inputs[0]!]!, graph.tensors[layer.output]!);
  const taps = (i: number, rows: boolean): number =>
    rows
      ? validTaps(i, g.strideH, g.dilationH, g.padTop, g.kernelH, g.inHeight).count
      : validTaps(i, g.strideW, g.dilationW, g.padLeft, g.kernelW, g.inWidth).count;
  for (let y = 0; y < g.outHeight; y++) if (taps(y, true) === 0) return false;
  for (let x = 0; x < g.outWidth; x++) if (taps(x, false) === 0) return false;
  return true;
}

/** A clamp, then a clamp: the second applied to the bounds of the first. */
function intersect(first: Clamp, second: Clamp): Clamp {
  const within = (value: number): number => Math.min(Math.max(value, second.low), second.high);
  return { low: within(first.low), high: within(first.high) };
}

function describe(parts: readonly IntegerLayer[], graph: IntegerGraph): string {
  return parts
    .map((layer) => {
      const input = graph.tensors[layer.inputs[0]!]!;
      const output = graph.tensors[layer.output]!;
      switch (layer.kind) {
        case 'conv': {
          const k = layer.window.kernel;
          const channels = `${layer.inputChannels ?? input.channels}→${output.channels}`;
          if (k[0] === 1 && k[1] === 1 && isFlat(input)) return `gemm ${channels}`;
          const groups = layer.groups > 1 ? ` /${layer.groups} groups` : '';
          return `conv ${k[0]}×${k[1]}/${layer.window.stride[0]} ${channels}${groups}`;
        }
        case 'matmul':
          return `matmul ${input.channels}→${output.channels} of ${input.height * input.width} pixels`;
        case 'maxpool':
        case 'averagepool':
          return `${layer.kind} ${layer.window.kernel[0]}×${layer.window.kernel[1]}/${layer.window.stride[0]}`;
        case 'table':
          return layer.title;
        default:
          return layer.kind;
      }
    })
    .join(' + ');
}
