/** What the page sees of a compiled network: plain data without weights. Parts of a network that the host divides follow each other. */
import type { CheckedNode, Graph, LayerInfo, Placement, Program, PublishedFigures } from '../../src/browser.ts';
import type { NetworkView, ProgramView } from './protocol.ts';

export function viewNetwork(
  name: string,
  graph: Graph,
  placement: readonly (Placement | CheckedNode)[],
  layers: readonly LayerInfo[],
  paper?: PublishedFigures,
): NetworkView {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const layerOf = new Map(layers.flatMap((layer, index) => [layer.name, ...layer.nodes].map((node) => [node, index] as const)));
  return {
    name,
    paper,
    nodes: placement.map((placed) => ({
      ...placed,
      layerIndex: layerOf.get(placed.node) ?? layerOf.get(('layer' in placed && placed.layer) || placed.node) ?? -1,
      inputs: nodes.get(placed.node)?.inputs.filter((input) => input !== '' && !graph.initializers.has(input)) ?? [],
      outputs: nodes.get(placed.node)?.outputs ?? [],
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
