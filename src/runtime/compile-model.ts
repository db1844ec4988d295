/** From an ONNX graph to a program: lower, calibrate, quantize, compile. Specification: docs/compiler.md, docs/numbers.md. */
import { compileGraph } from '../compiler/backend/compile-graph.ts';
import { limitReductions } from '../compiler/backend/limit-reductions.ts';
import { fixFrameDimension } from '../compiler/frontend/fix-frame-dimension.ts';
import type { LayerGraph } from '../compiler/frontend/layer-graph.ts';
import { type LoweredModel, lowerGraph } from '../compiler/frontend/lower-graph.ts';
import { GUESS_HEADROOM, quantize } from '../compiler/quantize/quantize.ts';
import { collectRangeNames, type ValueRange } from '../compiler/quantize/ranges.ts';
import type { Graph } from '../graph/graph.ts';
import type { IntegerGraph } from '../graph/integer-graph.ts';
import { type Machine, XC7Z045 } from '../machine/machine.ts';
import type { Program } from '../program/program.ts';
import { calibrate } from './calibrate.ts';
import type { NamedTensors } from './float-session.ts';
import { randomInputs } from './random-input.ts';
import { cutAfterConvolutions } from './subgraph.ts';

/** `convolutions`: up to the last convolution and what is fused behind it, as the Snowflake papers count. */
export const SCOPES = ['convolutions', 'network'] as const;
/** One of SCOPES. */
export type Scope = (typeof SCOPES)[number];

/** How binary points are chosen: docs/numbers.md, sections 8 and 9. */
export const NUMBER_MODES = ['calibrated', 'q8.8'] as const;
/** One of NUMBER_MODES. */
export type NumberMode = (typeof NUMBER_MODES)[number];

/** How to compile a network; everything has a default. */
export interface CompileModelOptions {
  /** Default: the preset `xc7z045`. */
  readonly machine?: Machine;
  /** What the program is called; default: the graph's name. */
  readonly name?: string;
  /** Frames that one run of the program computes; they share each fetch of the weights. Default 1. */
  readonly frames?: number;
  /** Default `network`. */
  readonly scope?: Scope;
  /** Default `calibrated`. */
  readonly numbers?: NumberMode;
  /** Calibration inputs: one set of tensors each. Default: two frames of seeded standard normal values, with twice the headroom. */
  readonly samples?: readonly NamedTensors[];
  readonly progress?: (done: number, total: number, what: string) => void;
}

/** A network ready to run, with everything it was made from. */
export interface CompiledModel {
  readonly name: string;
  /** The float model: cut to the scope, its frame dimension 1. */
  readonly graph: Graph;
  /** The accelerator's layers, the host's parts, and where each node went. */
  readonly lowered: LoweredModel;
  /** Ranges that the binary points come from; empty for q8.8. */
  readonly ranges: ReadonlyMap<string, ValueRange>;
  readonly integerGraph: IntegerGraph;
  readonly program: Program;
}

/** Seed of the default calibration inputs, and how many frames they are (docs/numbers.md, section 8). */
const DEFAULT_CALIBRATION = { seed: 1, frames: 2 } as const;

/**
 * Compiles an ONNX graph.
 * @throws InputError when the network can not run: operator, shape, machine or memory, named with the node
 */
export async function compileModel(source: Graph, options: CompileModelOptions = {}): Promise<CompiledModel> {
  const whole = fixFrameDimension(source);
  const graph = options.scope === 'convolutions' ? cutAfterConvolutions(whole) : whole;
  const lowered = lowerGraph(graph);
  const machine = options.machine ?? XC7Z045;
  const layers = limitReductions(lowered.layers, machine, options.frames ?? 1);
  const mode = options.numbers ?? 'calibrated';
  const ranges = mode === 'q8.8' ? new Map<string, ValueRange>() : await findRanges(graph, layers, options.samples);
  const integerGraph = quantize(layers, ranges, { mode, ...(options.samples ? {} : { headroom: GUESS_HEADROOM }) });
  const name = options.name ?? graph.name;
  const program = compileGraph(integerGraph, machine, {
    frames: options.frames,
    name,
    progress: options.progress,
  });
  return { name, graph, lowered, ranges, integerGraph, program };
}

function findRanges(graph: Graph, layers: LayerGraph, samples: readonly NamedTensors[] | undefined): Promise<Map<string, ValueRange>> {
  const { seed, frames } = DEFAULT_CALIBRATION;
  const used = samples ?? Array.from({ length: frames }, (_, frame) => randomInputs(graph, seed + frame));
  return calibrate(graph, collectRangeNames(layers), used);
}
