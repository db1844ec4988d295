/** What the page sees of a compiled network: plain data without weights. Parts of a network that the host divides follow each other. */
import type { CompiledModel, Graph, LoweredModel, Program, PublishedFigures } from '../../src/browser.ts';
import type { LogView, NetworkView, ProgramView, SeriesView } from './protocol.ts';
import type { TimingAnswer } from './timing-worker.ts';

export type PartTiming = Extract<TimingAnswer, { readonly log: LogView }>;

export function viewNetwork(
  name: string,
  graph: Graph,
  lowered: LoweredModel,
  layers: readonly string[],
  paper?: PublishedFigures,
): NetworkView {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const layerOf = new Map(layers.map((layer, index) => [layer, index]));
  return {
    name,
    paper,
    nodes: lowered.placement.map((placement) => ({
      ...placement,
      layerIndex: layerOf.get(placement.layer ?? placement.node) ?? layerOf.get(placement.node) ?? -1,
      inputs: nodes.get(placement.node)?.inputs.filter((input) => input !== '' && !graph.initializers.has(input)) ?? [],
      outputs: nodes.get(placement.node)?.outputs ?? [],
    })),
    inputs: graph.inputs.map(({ name: input, dims, dtype }) => ({ name: input, dims: dims ?? [], dtype })),
    outputs: graph.outputs.map((output) => output.name),
  };
}

export function viewProgram(name: string, programs: readonly Program[]): ProgramView {
  const instructions = new Uint32Array(programs.reduce((sum, p) => sum + p.instructions.length, 0));
  const parts: { firstInstruction: number; firstLayer: number; instructions: number }[] = [];
  let [instruction, layer] = [0, 0];
  for (const program of programs) {
    instructions.set(program.instructions, instruction);
    parts.push({ firstInstruction: instruction, firstLayer: layer, instructions: program.instructions.length });
    instruction += program.instructions.length;
    layer += program.layers.length;
  }
  return {
    name,
    machine: programs[0].machine,
    frames: programs[0].frames,
    instructions,
    parts,
    dramWords: programs.reduce((sum, p) => sum + p.dramWords, 0),
    layers: programs.flatMap((p) => p.layers),
    sourceMap: programs.flatMap((p, i) =>
      p.sourceMap.map((span) => ({
        ...span,
        first: span.first + parts[i].firstInstruction,
        end: span.end + parts[i].firstInstruction,
        layer: span.layer < 0 ? span.layer : span.layer + parts[i].firstLayer,
      })),
    ),
    tensors: programs.flatMap((p) => p.tensors),
    segments: programs.flatMap((p) =>
      p.segments.map(({ name: segment, address, words }) => ({ name: segment, address, words: words.length })),
    ),
  };
}

/** One log of parts that run one after the other. */
export function joinLogs(program: ProgramView, timings: readonly PartTiming[]): LogView {
  if (timings.length === 1) return timings[0].log;
  const count = timings.reduce((sum, t) => sum + t.log.count, 0);
  const causes = timings[0].log.waits.length / Math.max(1, timings[0].log.count);
  const log = {
    count,
    unitId: new Uint8Array(count),
    instruction: new Int32Array(count),
    layer: new Int32Array(count),
    go: new Float64Array(count),
    arrival: new Float64Array(count),
    start: new Float64Array(count),
    readSignal: new Float64Array(count),
    end: new Float64Array(count),
    waits: new Float32Array(count * causes),
  };
  let [at, cycle] = [0, 0];
  for (const [i, { log: part, result }] of timings.entries()) {
    const { firstInstruction, firstLayer } = program.parts[i];
    log.unitId.set(part.unitId, at);
    log.waits.set(part.waits, at * causes);
    log.instruction.set(
      part.instruction.map((index) => index + firstInstruction),
      at,
    );
    log.layer.set(
      part.layer.map((layer) => layer + firstLayer),
      at,
    );
    for (const column of ['go', 'arrival', 'start', 'readSignal', 'end'] as const)
      log[column].set(
        part[column].map((c) => c + cycle),
        at,
      );
    at += part.count;
    cycle += result.cycles;
  }
  return log;
}

/** Traffic of parts that run one after the other, in the longest bins of any of them. */
export function joinTraffic(timings: readonly PartTiming[]): SeriesView {
  if (timings.length === 1) return timings[0].traffic;
  const binCycles = Math.max(...timings.map((t) => t.traffic.binCycles));
  const cycles = timings.reduce((sum, t) => sum + t.result.cycles, 0);
  const curves = timings[0].traffic.curves.map(() => new Float32Array(Math.ceil(cycles / binCycles) + 1));
  let from = 0;
  for (const { traffic, result } of timings) {
    for (const [c, curve] of traffic.curves.entries()) {
      for (const [bin, value] of curve.entries()) curves[c][Math.floor((from + bin * traffic.binCycles) / binCycles)] += value;
    }
    from += result.cycles;
  }
  return { binCycles, curves };
}

/** Cycle at which each part starts, and the end of the last. */
export function partStarts(timings: readonly PartTiming[]): number[] {
  const starts = [0];
  for (const { result } of timings) starts.push(starts[starts.length - 1] + result.cycles);
  return starts;
}

/** Names of the layers of all parts, in the order of the programs. */
export function layerNames(model: CompiledModel): string[] {
  return model.programs.flatMap((program) => program.layers.map((layer) => layer.name));
}
