/**
 * Weights of a product of two activations: a tensor in DRAM whose pixels are the weights of one output each. With 16 lanes per output a pixel's channels are
 * tap lines as they stand; parameter lines, the same for all outputs, are constants of the stage. Specification: docs/compiler.md, "Products of activations".
 */
import { UNIT_ID } from '../../../isa/fields.ts';
import { LINE_WORDS, weightsLines } from '../../../machine/machine.ts';
import { LayerRefusal } from '../../layer-refusal.ts';
import { type DramLayout, viewTensor } from '../layout/dram-layout.ts';
import type { Block } from '../mac/blocks.ts';
import type { PackedBlock } from '../mac/weights-image.ts';

import type { StageGraph } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import type { Piece } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';

/** Load a block's group: its parameters from `address`, the taps of its outputs from pixels of `view`. */
export function loadActivationGroup(
  context: EmitContext,
  packed: PackedBlock,
  address: number,
  block: Block,
  view: View,
  tapLines: number,
  cusPerSlot: number,
  frame: number,
  source: Source,
): WeightsGroup {
  const total = weightsLines(context.machine);
  const line = context.allocateWeights(1 + tapLines);
  const parameters = context.weightPieces(line, 1);
  const add = (dramAddress: number, first: number, lines: number, firstImage: number, images: number, pieces: readonly Piece[]): void => {
    const descriptor = { dramAddress, line: first % total, lines, images, firstImage, cusPerSlot };
    if (pieces === parameters) {
      context.list.add(UNIT_ID.LDW, 'LDW', descriptor, source, [], pieces);
      return;
    }
    const access = context.dramAccess(view, frame, dramAddress, dramAddress + images * lines * LINE_WORDS);
    const before = context.dram.beforeLoad(access.key, access.first, access.end);
    context.dram.noteLoad(access.key, context.list.add(UNIT_ID.LDW, 'LDW', descriptor, source, [], pieces, before));
  };
  add(address + packed.chunks[0]!.offset, line, 1, 0, packed.images, parameters);
  const taps = context.weightPieces(line + 1, tapLines);
  for (let image = 0; image < packed.images; ) {
    const pixel = block.channel + image;
    const [row, column] = [Math.floor(pixel / view.width), pixel % view.width];
    // Pixels that follow each other line by line are one run of images.
    const isRun = view.pixelPitch === tapLines * LINE_WORDS;
    const images = isRun ? Math.min(packed.images - image, view.width - column) : 1;
    add(view.address + row * view.rowPitch + column * view.pixelPitch, line + 1, tapLines, image, images, taps);
    image += images;
  }
  return { line, pieces: [...parameters, ...taps] };
}

/** @throws LayerRefusal where a product's second operand does not begin and step at lines in DRAM */
export function checkActivationWeights(stages: StageGraph, layout: DramLayout): void {
  for (const { weights, nodes, name } of stages.stages) {
    if (weights === undefined) continue;
    const { address, pixelPitch, rowPitch, height } = viewTensor(stages, layout, weights, 0);
    if ([address, pixelPitch, height > 1 ? rowPitch : 0].some((words) => words % LINE_WORDS !== 0)) {
      throw new LayerRefusal(
        `layer ${name}: its second operand lies ${pixelPitch} words apart, which is no multiple of a line (16)`,
        nodes,
      );
    }
  }
}
