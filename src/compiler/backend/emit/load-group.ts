/** Loading one block's weights group into the weights ring, chunk by chunk. Specification: docs/compiler.md, "Emission". */
import { UNIT_ID } from '../../../isa/fields.ts';
import { weightsLines } from '../../../machine/machine.ts';
import type { PackedBlock } from '../mac/weights-image.ts';
import type { Piece } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';

/**
 * A group of `groupLines` lines at the next place in the ring, unless it is there already; CUs come in groups of `cusPerSlot` that share their weights, all of them
 * share constant ones. Groups are known by where they lie in DRAM.
 * @param held Lines that other groups may take while this one is in use.
 */
export function loadGroup(
  context: EmitContext,
  packed: PackedBlock,
  address: number,
  groupLines: number,
  cusPerSlot: number,
  held: number,
  source: Source,
): WeightsGroup {
  const sharing = packed.isConstant ? context.cus : cusPerSlot;
  const key = `${address + packed.chunks[0]!.offset} ${groupLines} ${packed.images} ${sharing}`;
  return context.keepGroup(key, held, () => loadChunks(context, packed, address, groupLines, sharing, source));
}

function loadChunks(
  context: EmitContext,
  packed: PackedBlock,
  address: number,
  groupLines: number,
  cusPerSlot: number,
  source: Source,
): WeightsGroup {
  const line = context.allocateWeights(groupLines);
  const pieces: Piece[] = [];
  for (const chunk of packed.chunks) {
    const part = context.weightPieces(line + chunk.firstLine, chunk.lines);
    pieces.push(...part);
    const first = (line + chunk.firstLine) % weightsLines(context.machine);
    const descriptor = {
      dramAddress: address + chunk.offset,
      line: first,
      lines: chunk.lines,
      images: packed.images,
      firstImage: 0,
      cusPerSlot,
    };
    context.list.add(UNIT_ID.LDW, 'LDW', descriptor, source, [], part);
  }
  return { line, pieces };
}
