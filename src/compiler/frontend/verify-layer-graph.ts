/** Checks what every later stage relies on in a layer graph. A violation is a defect of the compiler, never of the input. */
import type { IntegerLayer } from '../../graph/integer-graph.ts';
import { channelsRead, type DraftGraph, type FinalLayer, type FloatLayer, type LayerGraph } from './layer-graph.ts';

const FINAL_KINDS: ReadonlySet<string> = new Set<IntegerLayer['kind']>([
  'conv',
  'maxpool',
  'averagepool',
  'add',
  'mul',
  'matmul',
  'maximum',
  'constant',
  'table',
  'concat',
  'rearrange',
]);

/** @returns the same graph, known to hold final layers only. @throws Error naming the layer and the broken rule. */
export function verifyLayerGraph(graph: DraftGraph): LayerGraph {
  const ready = new Set(graph.inputs.map((input) => input.tensor));
  graph.tensors.forEach((tensor, id) => {
    if (tensor.id !== id) throw new Error(`tensor "${tensor.name}" has id ${tensor.id} at position ${id}`);
  });
  if (new Set(graph.tensors.map((tensor) => tensor.name)).size < graph.tensors.length) throw new Error('two tensors have one name');
  for (const layer of graph.layers) {
    const broken = findBroken(graph, layer, ready);
    if (broken) throw new Error(`layer graph "${graph.name}", layer "${layer.name}" (${layer.kind}): ${broken}`);
    ready.add(layer.output);
  }
  for (const { name, tensor } of graph.outputs) if (!ready.has(tensor)) throw new Error(`output "${name}" is never computed`);
  return { ...graph, layers: graph.layers as readonly FinalLayer[] };
}

function findBroken(graph: DraftGraph, layer: FloatLayer, ready: ReadonlySet<number>): string | undefined {
  if (!FINAL_KINDS.has(layer.kind)) return 'it should have been folded or lowered';
  if (!layer.inputs.every((id) => ready.has(id))) return 'an input is not computed before it';
  if (ready.has(layer.output)) return 'its output has another producer';
  const inputs = layer.inputs.map((id) => graph.tensors[id]);
  const [input] = inputs;
  const output = graph.tensors[layer.output];
  const samePlane = inputs.every((other) => other.height === output.height && other.width === output.width);
  switch (layer.kind) {
    case 'conv': {
      const read = channelsRead(layer, input);
      if ((layer.inputChannelOffset ?? 0) + read > input.channels) return 'its channel range exceeds its input';
      if (read % layer.groups !== 0 || output.channels % layer.groups !== 0) return 'its groups do not divide its channels';
      if (layer.bias.length !== output.channels) return 'its bias does not have one value per output channel';
      if (layer.outputScale && layer.outputScale.length !== output.channels) return 'its output scale has the wrong length';
      if (layer.inputScale && layer.inputScale.length !== read) return 'its input scale has the wrong length';
      const { data, offset, strides } = layer.weights;
      const [kernelH, kernelW] = layer.window.kernel;
      const last =
        offset +
        (output.channels - 1) * strides.output +
        (kernelH - 1) * strides.row +
        (kernelW - 1) * strides.column +
        (read / layer.groups - 1) * strides.input;
      return last >= data.length ? `its weights end at ${data.length}, index ${last} is needed` : undefined;
    }
    case 'rearrange':
      return layer.parts.every(({ input: at }) => at < inputs.length) ? undefined : 'a part reads an input that it does not have';
    case 'concat':
      return samePlane && inputs.reduce((n, other) => n + other.channels, 0) === output.channels ? undefined : 'its shapes do not add up';
    case 'add':
    case 'mul':
    case 'maximum': {
      const [first, second] = inputs;
      const isWhole = first.height === output.height && first.width === output.width;
      const isPixel = second.height === 1 && second.width === 1 && layer.kind !== 'maximum';
      return inputs.length === 2 && isWhole && (samePlane || isPixel) && inputs.every((other) => other.channels === output.channels)
        ? undefined
        : 'its operands differ in shape';
    }
    case 'matmul': {
      const [a, b] = inputs;
      const fits = a.height === output.height && a.width === output.width && b.height * b.width === output.channels;
      return fits && b.channels >= a.channels ? undefined : 'its shapes do not fit';
    }
    case 'constant':
      return layer.values.length === output.height * output.width * output.channels ? undefined : 'its values do not fill its tensor';
    case 'table':
      return samePlane && input.channels === output.channels ? undefined : 'it changes the shape';
    default:
      return input.channels === output.channels ? undefined : 'it changes the channels';
  }
}
