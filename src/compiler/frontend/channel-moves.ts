/** Layers that only say which channels come where: concatenations, and rearrangements that leave rows and columns alone. */
import type { DraftGraph, FloatLayer } from './layer-graph.ts';

/** Channel `channel` of input `input`. */
export interface ChannelSource {
  readonly input: number;
  readonly channel: number;
}

/** Where every channel of the result comes from; undefined if the layer does anything else. */
export function readChannelMove(graph: DraftGraph, layer: FloatLayer): ChannelSource[] | undefined {
  const output = graph.tensors[layer.output];
  if (layer.kind === 'concat') {
    return layer.inputs.flatMap((id, input) => Array.from({ length: graph.tensors[id].channels }, (_, channel) => ({ input, channel })));
  }
  if (layer.kind !== 'rearrange') return undefined;
  const sources: (ChannelSource | undefined)[] = new Array(output.channels).fill(undefined);
  for (const { input, rows, columns, words, from, to } of layer.parts) {
    const tensor = graph.tensors[layer.inputs[input]];
    const isPlane = rows === output.height && columns === output.width && tensor.height === output.height && tensor.width === output.width;
    const isPlain = (grid: { rowStep: number; columnStep: number }, channels: number): boolean =>
      (rows === 1 || grid.rowStep === output.width * channels) && (columns === 1 || grid.columnStep === channels);
    const isInside = from.offset + words <= tensor.channels && to.offset + words <= output.channels;
    if (!isPlane || !isInside || !isPlain(from, tensor.channels) || !isPlain(to, output.channels)) return undefined;
    for (let k = 0; k < words; k++) sources[to.offset + k] = { input, channel: from.offset + k };
  }
  return sources.every((source) => source !== undefined) ? sources : undefined;
}

/** Runs of neighbours that stay neighbours; −1: not from this source. */
export function pixelRuns(sources: readonly number[]): { to: number; from: number; count: number }[] {
  const runs: { to: number; from: number; count: number }[] = [];
  sources.forEach((from, to) => {
    if (from < 0) return;
    const last = runs.at(-1);
    if (last && last.to + last.count === to && last.from + last.count === from) last.count++;
    else runs.push({ to, from, count: 1 });
  });
  return runs;
}
