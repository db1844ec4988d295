/**
 * Pass: channels are stored in an order that keeps those together that are read together. Shuffles, splits and concatenations of channels only say which
 * layer reads what; convolutions make and read channels in any order (their weights are permuted), so hardly a word needs to be dealt out by itself.
 *   conv → shuffle → conv   →   conv (outputs permuted) → [runs of channels] → conv (inputs permuted)
 * Run last: the graph holds final layers. Guarantees the same values; the order of channels inside the network changes, at its borders it does not.
 */
import type { RearrangePart } from '../../graph/integer-graph.ts';
import { pixelRuns, readChannelMove } from './block-moves.ts';
import type { DraftGraph, FloatConv, FloatLayer, LayerTensor } from './layer-graph.ts';
import { permuteInputs, permuteOutputs } from './permute-channels.ts';
import { borderTensors } from './rewrite.ts';

/** One channel of a tensor that a layer with work of its own makes (or an input of the network). */
interface Channel {
  readonly source: number;
  readonly channel: number;
}

/** A tensor put together from channels of others and read by layers with work. */
interface Gathered {
  readonly tensor: number;
  readonly channels: readonly Channel[];
  /** The order inside each of this many equal blocks is free; undefined: it must stay as it is. */
  readonly blocks: number | undefined;
  readonly nodes: readonly string[];
}

export function orderChannels(graph: DraftGraph): DraftGraph {
  const moves = new Map<FloatLayer, Channel[]>();
  const lists = new Map<number, Channel[]>();
  let shuffles = false;
  for (const layer of graph.layers) {
    const move = readChannelMove(graph, layer);
    if (!move) continue;
    const list = move.map(({ input, channel }) => {
      const id = layer.inputs[input];
      return lists.get(id)?.[channel] ?? { source: id, channel };
    });
    lists.set(layer.output, list);
    moves.set(layer, list);
    shuffles ||= layer.kind === 'rearrange';
  }
  if (!shuffles) return graph;
  return new Reordering(graph, moves).run();
}

class Reordering {
  private readonly graph: DraftGraph;
  private readonly moves: ReadonlyMap<FloatLayer, readonly Channel[]>;
  private readonly producers: ReadonlyMap<number, FloatLayer>;
  private readonly readers = new Map<number, FloatLayer[]>();
  private readonly borders: ReadonlySet<number>;

  constructor(graph: DraftGraph, moves: ReadonlyMap<FloatLayer, readonly Channel[]>) {
    this.graph = graph;
    this.moves = moves;
    this.producers = new Map(graph.layers.map((layer) => [layer.output, layer]));
    this.borders = borderTensors(graph);
    for (const layer of graph.layers) for (const id of new Set(layer.inputs)) this.readers.set(id, [...this.readersOf(id), layer]);
  }

  private readersOf(id: number): readonly FloatLayer[] {
    return this.readers.get(id) ?? [];
  }

  run(): DraftGraph {
    const gathered = [...this.moves].flatMap(([layer, channels]): Gathered[] => {
      const isRead = this.borders.has(layer.output) || this.readersOf(layer.output).some((reader) => !this.moves.has(reader));
      return isRead ? [{ tensor: layer.output, channels, blocks: this.freeBlocks(layer.output), nodes: this.nodesOf(layer) }] : [];
    });
    const orders = this.orderSources(gathered);
    const places = new Map([...orders].map(([source, order]) => [source, invert(order)]));
    const place = ({ source, channel }: Channel): Channel => ({ source, channel: places.get(source)?.[channel] ?? channel });

    // New channel lists, and for gathered tensors with freedom the permutation that their readers follow.
    const permutations = new Map<number, readonly number[]>();
    const results = new Map<number, { channels: readonly Channel[]; nodes: readonly string[] }>();
    for (const { tensor, channels, blocks, nodes } of gathered) {
      const placed = channels.map(place);
      const order = blocks === undefined ? placed.map((_, at) => at) : sortBlocks(placed, blocks);
      if (order.some((from, at) => from !== at)) permutations.set(tensor, order);
      results.set(tensor, { channels: order.map((from) => placed[from]), nodes });
    }
    return this.rebuild(orders, permutations, results);
  }

  /** The nodes of a move and of those in front of it. */
  private nodesOf(layer: FloatLayer): string[] {
    const nodes = new Set(layer.nodes);
    for (const id of layer.inputs) {
      const producer = this.producers.get(id);
      if (producer && this.moves.has(producer)) for (const node of this.nodesOf(producer)) nodes.add(node);
    }
    return [...nodes];
  }

  /** In how many blocks the readers of a tensor take its channels, in any order inside a block; undefined where the order matters. */
  private freeBlocks(id: number): number | undefined {
    if (this.borders.has(id)) return undefined;
    let blocks = 1;
    for (const reader of this.readersOf(id)) {
      const wanted = this.blocksOfReader(reader);
      if (wanted === undefined || (wanted > 1 && blocks > 1 && wanted !== blocks)) return undefined;
      blocks = Math.max(blocks, wanted);
    }
    return blocks;
  }

  private blocksOfReader(reader: FloatLayer): number | undefined {
    if (this.followsInput(reader)) return this.moves.has(reader) ? undefined : this.freeBlocks(reader.output);
    return reader.kind === 'conv' && !isDepthwise(this.graph, reader) ? reader.groups : undefined;
  }

  /** Does the layer work channel by channel, so that its result has the order of its input? */
  private followsInput(layer: FloatLayer): boolean {
    if (layer.kind === 'conv') return isDepthwise(this.graph, layer);
    return layer.kind === 'maxpool' || layer.kind === 'averagepool' || layer.kind === 'table';
  }

  /** For every source with a free order: which of its channels comes at each place. */
  private orderSources(gathered: readonly Gathered[]): Map<number, number[]> {
    const uses = new Map<number, string[]>();
    const digits = (n: number): string => String(n).padStart(6, '0');
    gathered.forEach(({ channels, blocks }, at) => {
      channels.forEach(({ source, channel }, position) => {
        const list = uses.get(source) ?? new Array<string>(this.graph.tensors[source].channels).fill('');
        const place = blocks === undefined ? position : Math.floor((position * blocks) / channels.length);
        list[channel] += `${digits(at)}:${digits(place)} `;
        uses.set(source, list);
      });
    });
    const orders = new Map<number, number[]>();
    for (const [source, keys] of uses) {
      const producer = this.producers.get(source);
      const isFree =
        producer?.kind === 'conv' &&
        !isDepthwise(this.graph, producer) &&
        !this.borders.has(source) &&
        this.readersOf(source).every((reader) => this.moves.has(reader));
      if (!isFree) continue;
      const perGroup = keys.length / producer.groups;
      const groupOf = (channel: number): number => Math.floor(channel / perGroup);
      const compare = (a: number, b: number): number => groupOf(a) - groupOf(b) || (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b);
      const order = keys.map((_, channel) => channel).sort(compare);
      if (order.some((from, at) => from !== at)) orders.set(source, order);
    }
    return orders;
  }

  private rebuild(
    orders: ReadonlyMap<number, readonly number[]>,
    permutations: Map<number, readonly number[]>,
    results: ReadonlyMap<number, { channels: readonly Channel[]; nodes: readonly string[] }>,
  ): DraftGraph {
    const { tensors } = this.graph;
    /** Gathered tensors that are one of their sources as it is. */
    const same = new Map<number, number>();
    const layers = this.graph.layers.flatMap((layer): FloatLayer[] => {
      if (this.moves.has(layer)) {
        const result = results.get(layer.output);
        if (!result) return [];
        const { channels, nodes } = result;
        const [{ source }] = channels;
        const isSame = channels.length === tensors[source].channels && channels.every((c, at) => c.source === source && c.channel === at);
        if (isSame && !this.borders.has(layer.output)) {
          same.set(layer.output, source);
          return [];
        }
        return [gatherLayer(tensors, layer, channels, nodes)];
      }
      let next = { ...layer, inputs: layer.inputs.map((id) => same.get(id) ?? id) } as FloatLayer;
      const permutation = permutations.get(layer.inputs[0]);
      if (permutation && next.kind === 'conv' && !this.followsInput(layer)) next = permuteInputs(next, permutation, tensors);
      else if (permutation && this.followsInput(layer)) {
        permutations.set(layer.output, permutation);
        if (next.kind === 'conv') next = permuteOutputs(next, permutation, tensors);
      }
      const order = orders.get(layer.output);
      if (order && next.kind === 'conv') next = permuteOutputs(next, order, tensors);
      return [next];
    });
    return { ...this.graph, layers };
  }
}

/** The tensor as a rearrangement of its sources in runs of channels, or as a concatenation where it is one. */
function gatherLayer(
  tensors: readonly LayerTensor[],
  layer: FloatLayer,
  channels: readonly Channel[],
  nodes: readonly string[],
): FloatLayer {
  const output = tensors[layer.output];
  const sources = [...new Set(channels.map(({ source }) => source))];
  const parts = sources.flatMap((source, input): RearrangePart[] =>
    pixelRuns(channels.map((c) => (c.source === source ? c.channel : -1))).map(({ to, from, count }) => ({
      input,
      rows: output.height,
      columns: output.width,
      words: count,
      from: { offset: from, rowStep: output.width * tensors[source].channels, columnStep: tensors[source].channels },
      to: { offset: to, rowStep: output.width * output.channels, columnStep: output.channels },
    })),
  );
  const common = { name: layer.name, nodes, inputs: sources, output: layer.output };
  const isConcat = parts.length === sources.length && parts.every(({ words, input }) => words === tensors[sources[input]].channels);
  const inOrder = parts.every((part, at) => at === 0 || part.to.offset > parts[at - 1].to.offset);
  return isConcat && inOrder ? { kind: 'concat', ...common } : { kind: 'rearrange', ...common, parts, fill: 0 };
}

function isDepthwise(graph: DraftGraph, layer: FloatConv): boolean {
  return (
    layer.groups > 1 && layer.groups === graph.tensors[layer.inputs[0]].channels && layer.groups === graph.tensors[layer.output].channels
  );
}

function invert(order: readonly number[]): number[] {
  const places = new Array<number>(order.length);
  order.forEach((from, at) => {
    places[from] = at;
  });
  return places;
}

/** Positions in the order of their sources and channels, block by block. */
function sortBlocks(channels: readonly Channel[], blocks: number): number[] {
  const size = channels.length / blocks;
  return Array.from({ length: blocks }, (_, block) =>
    Array.from({ length: size }, (__, i) => block * size + i).sort(
      (a, b) => channels[a].source - channels[b].source || channels[a].channel - channels[b].channel,
    ),
  ).flat();
}
