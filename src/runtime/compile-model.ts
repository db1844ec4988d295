/** From an ONNX graph to a program: lower, calibrate, quantize, compile. Specification: docs/compiler.md, docs/numbers.md. */
import { compileGraph } from '../compiler/backend/compile-graph.ts';
import { limitReductions } from '../compiler/backend/stages/limit-reductions.ts';
import { fixFrameDimension } from '../compiler/frontend/fix-frame-dimension.ts';
import type { HostPart } from '../compiler/frontend/host-part.ts';
import type { LayerGraph } from '../compiler/frontend/layer-graph.ts';
import { acceleratorParts, type LoweredModel, lowerGraph } from '../compiler/frontend/lower-graph.ts';
import { addProbes } from '../compiler/frontend/probe.ts';
import { LayerRefusal } from '../compiler/layer-refusal.ts';
import { DEFAULT_HEADROOM, GUESS_HEADROOM, quantize } from '../compiler/quantize/quantize.ts';
import { collectRangeNames, type ValueRange } from '../compiler/quantize/ranges.ts';
import { refineTables } from '../compiler/quantize/refine-tables.ts';
import { verifyIntegerGraph } from '../compiler/quantize/verify-integer-graph.ts';
import { foldConstants } from '../graph/fold-constants.ts';
import type { Graph, Tensor } from '../graph/graph.ts';
import type { IntegerGraph } from '../graph/integer-graph.ts';
import { inferShapes } from '../graph/shape-inference.ts';
import { putTimeFirst, RECURRENT } from '../graph/time-first.ts';
import { unrollRecurrent } from '../graph/unroll-recurrent.ts';
import { type Machine, XC7Z045 } from '../machine/machine.ts';
import type { Program } from '../program/program.ts';
import { InputError } from '../util/errors.ts';
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
  /** Take every value to lie in a range of ±8 instead of measuring: placement and schedule are right, numbers are not (`snowflake check`). Default false. */
  readonly assumeRanges?: boolean;
  /** Whether nodes that the accelerator lacks may run on the host. Default true. */
  readonly allowHost?: boolean;
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
  /** In the order of execution; sides alternate. */
  readonly parts: readonly CompiledPart[];
  /** Outputs of the model that depend on no input. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** Of the accelerator's parts, in the order of execution: one for most networks, none for those that only the host runs. */
  readonly integerGraphs: readonly IntegerGraph[];
  readonly programs: readonly Program[];
  /** The only one of `integerGraphs`. @throws InputError when there are several or none */
  readonly integerGraph: IntegerGraph;
  /** The only one of `programs`. @throws InputError when there are several or none */
  readonly program: Program;
}

/** A part with what it needs to run. */
export type CompiledPart =
  | { readonly where: 'host'; readonly host: HostPart }
  | { readonly where: 'accelerator'; readonly integerGraph: IntegerGraph; readonly program: Program };

/** Seed of the default calibration inputs, and how many frames they are (docs/numbers.md, section 8). */
const DEFAULT_CALIBRATION = { seed: 1, frames: 2 } as const;

const ASSUMED_RANGE: ValueRange = { min: -8, max: 8 };

/**
 * Compiles an ONNX graph.
 * @throws InputError when the network can not run: operator, shape, machine or memory, named with the node
 */
export async function compileModel(source: Graph, options: CompileModelOptions = {}): Promise<CompiledModel> {
  const whole = fixFrameDimension(source);
  const graph = options.scope === 'convolutions' ? cutAfterConvolutions(whole) : whole;
  const unrolled = writeOutRecurrences(graph);
  const tooLarge = new Map<string, string>();
  for (;;) {
    try {
      return await compilePlaced(graph, unrolled, options, tooLarge);
    } catch (error) {
      // What the machine can't hold runs on the host.
      if (!(error instanceof LayerRefusal) || options.allowHost === false || error.nodes.every((node) => tooLarge.has(node))) throw error;
      for (const node of error.nodes) tooLarge.set(node, error.message);
    }
  }
}

/** Recurrent nodes as what the accelerator computes position by position; calibration needs the values in between, too. */
function writeOutRecurrences(graph: Graph): Graph {
  if (!graph.nodes.some(({ op }) => RECURRENT.has(op))) return graph;
  return unrollRecurrent(foldConstants(inferShapes(putTimeFirst(graph))));
}

/**
 * @param unrolled The model as it is lowered
 * @param hostNodes Nodes that must run on the host, with the reason
 * @throws LayerRefusal for a layer that the machine can not hold
 */
async function compilePlaced(
  graph: Graph,
  unrolled: Graph,
  options: CompileModelOptions,
  hostNodes: ReadonlyMap<string, string>,
): Promise<CompiledModel> {
  const lowered = lowerGraph(unrolled, { allowHost: options.allowHost, hostNodes });
  const machine = options.machine ?? XC7Z045;
  const layers = acceleratorParts(lowered).map((part) => limitReductions(part, machine, options.frames ?? 1));
  const mode = options.numbers ?? 'calibrated';
  const ranges = mode === 'q8.8' ? new Map<string, ValueRange>() : await findRanges(unrolled, layers, options);
  const name = options.name ?? graph.name;
  const compiled = layers.map((part, index) => {
    const headroom = options.samples ? DEFAULT_HEADROOM : GUESS_HEADROOM;
    const integerGraph = quantize(refineTables(part, ranges, headroom), ranges, { mode, headroom });
    verifyIntegerGraph(integerGraph);
    const partName = layers.length > 1 ? `${name} (${index + 1} of ${layers.length})` : name;
    const program = compileGraph(integerGraph, machine, { frames: options.frames, name: partName, progress: options.progress });
    return { where: 'accelerator' as const, integerGraph, program };
  });
  let next = 0;
  const parts = lowered.parts.map((part): CompiledPart => (part.where === 'host' ? part : compiled[next++]));
  return {
    name,
    graph,
    lowered,
    ranges,
    parts,
    constants: lowered.constants,
    integerGraphs: compiled.map((part) => part.integerGraph),
    programs: compiled.map((part) => part.program),
    get integerGraph() {
      return onlyPart(name, compiled).integerGraph;
    },
    get program() {
      return onlyPart(name, compiled).program;
    },
  };
}

function onlyPart<T>(name: string, parts: readonly T[]): T {
  if (parts.length === 1) return parts[0];
  const what = parts.length === 0 ? 'nothing of it runs on the accelerator' : `it has ${parts.length} parts on the accelerator`;
  throw new InputError(`${name}: ${what}; \`snowflake check\` shows where each node runs`);
}

async function findRanges(
  graph: Graph,
  parts: readonly LayerGraph[],
  { samples, assumeRanges }: CompileModelOptions,
): Promise<Map<string, ValueRange>> {
  if (parts.length === 0) return new Map();
  const names = [...new Set(parts.flatMap(collectRangeNames))];
  if (assumeRanges) return new Map(names.map((name) => [name, ASSUMED_RANGE]));
  const { seed, frames } = DEFAULT_CALIBRATION;
  const used = samples ?? Array.from({ length: frames }, (_, frame) => randomInputs(graph, seed + frame));
  return calibrate(addProbes(graph, parts), names, used);
}
