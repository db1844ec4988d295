/**
 * Random small ONNX graphs for every operator that the accelerator runs (docs/operators.md), in the groups that share a way through the compiler. A
 * group and a seed give the same graph for ever. Used by `npm run lockstep -- operators` and random-operators.test.ts.
 */
import type { Graph } from '../src/graph/graph.ts';
import { RECURRENT } from '../src/graph/time-first.ts';
import { drawUpsample, MAP_DRAWS, TABLE_OPERATORS } from './map-draws.ts';
import { drawMapGraph, MOVES } from './random-moves.ts';
import { drawSequenceGraph, SEQUENCE_DRAWS } from './sequence-draws.ts';

/** Operators that are drawn alike. */
export interface OperatorGroup {
  /** Those it is about: every graph has one of them. */
  readonly operators: readonly string[];
  /** @param isLarge maps and sequences that need several tiles; default small ones: some thousand cycles */
  draw(seed: number, isLarge?: boolean): Graph;
}

/** Operator set of graphs of maps: the first with Gelu; functions that came later are in TABLE_OPSET. */
const OPSET = 20;
const TABLE_OPSET = 24;
const UPSAMPLE_OPSET = 9;

/** Rows and columns, and positions, of large graphs. */
const LARGE_SIDE = 60;
const LARGE_POSITIONS = 120;

/** Operators of groups whose name is not that of one. */
const OPERATORS_OF: Readonly<Record<string, string>> = {
  'Resize, nearest': 'Resize',
  'Resize, linear': 'Resize',
  'channel shuffle': 'Transpose',
  'blocks of pixels': 'Transpose',
  'Concat of rows': 'Concat',
  'Conv, depthwise': 'Conv',
  'Conv, grouped': 'Conv',
  'Conv, dilated': 'Conv',
  'global pools': 'GlobalMaxPool GlobalAveragePool',
  reductions: 'ReduceMean ReduceSum ReduceMax',
  'Add, Sub, Sum': 'Add Sub Sum',
  'Mul, Div': 'Mul Div',
  'Max, Min': 'Max Min',
  'Relu, Clip': 'Relu Clip',
  'functions by table': TABLE_OPERATORS.map(({ op }) => op).join(' '),
  Gemm: 'Gemm Flatten',
  views: 'Reshape Transpose Squeeze Unsqueeze Dropout Identity',
  'Conv and pools, one dimension': 'Conv',
  'MatMul by a constant': 'MatMul',
  'MatMul of activations': 'MatMul',
  // The nine nodes of older exporters, too.
  LayerNormalization: 'LayerNormalization ReduceMean',
};

function makeGroups(): Map<string, OperatorGroup> {
  const groups = new Map<string, OperatorGroup>();
  const add = (name: string, draw: OperatorGroup['draw']): void => {
    groups.set(name, { operators: (OPERATORS_OF[name] ?? name).split(' '), draw });
  };
  for (const [name, draw] of Object.entries(MAP_DRAWS)) {
    const opset = name === 'functions by table' ? TABLE_OPSET : OPSET;
    add(name, (seed, isLarge) => drawMapGraph(draw, seed, opset, isLarge ? LARGE_SIDE : undefined));
  }
  for (const [name, draw] of Object.entries(MOVES))
    add(name, (seed, isLarge) => drawMapGraph(draw, seed, OPSET, isLarge ? LARGE_SIDE : undefined));
  add('Upsample', (seed, isLarge) => drawMapGraph(drawUpsample, seed, UPSAMPLE_OPSET, isLarge ? LARGE_SIDE : undefined));
  for (const [name, draw] of Object.entries(SEQUENCE_DRAWS))
    add(name, (seed, isLarge) => drawSequenceGraph(draw, seed, isLarge ? LARGE_POSITIONS : undefined));
  return groups;
}

/** All groups by name, in the order in which they run. */
export const OPERATOR_GROUPS: ReadonlyMap<string, OperatorGroup> = makeGroups();

/** Operators that no group draws. @param accelerated the front end's operators; recurrences, which it writes out before, are added */
export function listMissing(accelerated: Iterable<string>): string[] {
  const drawn = new Set([...OPERATOR_GROUPS.values()].flatMap(({ operators }) => operators));
  return [...accelerated, ...RECURRENT].filter((op) => !drawn.has(op));
}
