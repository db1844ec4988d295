/** Channels to blocks of pixels and back. ONNX operators DepthToSpace, SpaceToDepth. */
import type { GraphNode } from '../../../graph/graph.ts';
import type { RearrangePart } from '../../../graph/integer-graph.ts';
import { getNumber, getString } from '../attributes.ts';
import { addTensor, type Draft, needView } from '../draft.ts';
import type { LayerTensor } from '../layer-graph.ts';
import { findRuns, makeParts, wholeAxis } from '../rearrange-parts.ts';
import { Unsupported } from '../unsupported.ts';
import { makeView, type View } from '../view.ts';
import { pushRearrange } from './rearrange.ts';

function needMap(draft: Draft, node: GraphNode): View {
  const view = needView(draft, node, 0);
  const names = ['', 'channels', 'height', 'width'];
  const isMap =
    view.axes.length === 4 && view.axes.every((axes, dim) => axes.length === 0 || (axes.length === 1 && axes[0] === names[dim]));
  if (!isMap) throw new Unsupported('its input is not a map of channels, rows and columns');
  return view;
}

/**
 * A row of a block is one run of words where a pixel's channels are neighbours ("DCR"). In the other order ("CRD") the channels are dealt out first:
 * a permutation, which the convolution in front of it can take over.
 */
export function buildDepthToSpace(draft: Draft, node: GraphNode): void {
  const { tensor } = needMap(draft, node);
  const block = getNumber(node, 'blocksize', 1);
  const channels = tensor.channels / (block * block);
  const isDealt = getString(node, 'mode', 'DCR') === 'DCR' || channels === 1;
  const source = isDealt ? tensor : dealChannels(draft, node, tensor, block);
  const extents = { height: tensor.height * block, width: tensor.width * block, channels };
  const pitch = extents.width * channels;
  const parts = Array.from({ length: block }, (_, row): RearrangePart => {
    return {
      input: 0,
      rows: tensor.height,
      columns: tensor.width,
      words: block * channels,
      from: { offset: row * block * channels, rowStep: tensor.width * tensor.channels, columnStep: tensor.channels },
      to: { offset: row * pitch, rowStep: block * pitch, columnStep: block * channels },
    };
  });
  const output = pushRearrange(draft, node, [source], extents, parts);
  draft.views.set(node.outputs[0], makeView(output, [[], ['channels'], ['height'], ['width']]));
}

/** Channels [channel][row][column] of the blocks in the order [row][column][channel]. */
function dealChannels(draft: Draft, node: GraphNode, source: LayerTensor, block: number): LayerTensor {
  const channels = source.channels / (block * block);
  const order = Array.from({ length: source.channels }, (_, at) => (at % channels) * block * block + Math.floor(at / channels));
  const dealt = addTensor(draft, `${node.outputs[0]}#dealt`, source, node.outputs[0]);
  draft.layers.push({
    kind: 'rearrange',
    name: `${node.name}#dealt`,
    nodes: [node.name],
    inputs: [source.id],
    output: dealt.id,
    parts: makeParts(0, source, source, wholeAxis(source.height), wholeAxis(source.width), findRuns(order)),
    fill: 0,
  });
  return dealt;
}

/** A row of a block is one run of words. */
export function buildSpaceToDepth(draft: Draft, node: GraphNode): void {
  const { tensor } = needMap(draft, node);
  const block = getNumber(node, 'blocksize', 1);
  if (tensor.height % block !== 0 || tensor.width % block !== 0) throw new Unsupported('its blocks do not divide the map');
  const { channels } = tensor;
  const extents = { height: tensor.height / block, width: tensor.width / block, channels: channels * block * block };
  const pitch = tensor.width * channels;
  const parts = Array.from({ length: block }, (_, row): RearrangePart => {
    return {
      input: 0,
      rows: extents.height,
      columns: extents.width,
      words: block * channels,
      from: { offset: row * pitch, rowStep: block * pitch, columnStep: block * channels },
      to: { offset: row * block * channels, rowStep: extents.width * extents.channels, columnStep: extents.channels },
    };
  });
  const output = pushRearrange(draft, node, [tensor], extents, parts);
  draft.views.set(node.outputs[0], makeView(output, [[], ['channels'], ['height'], ['width']]));
}
