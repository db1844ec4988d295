/** The plan of a stage of vector work alone: its tiles and slices, and the slots they take turns in. Specification: docs/compiler.md, "Vector work". */
import { fieldInfo, fieldRange } from '../../../isa/field-codes.ts';
import { type Machine, mapsWords } from '../../../machine/machine.ts';
import { LayerRefusal } from '../../layer-refusal.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { type Geometry, isPairWork, pointGeometry, type Stage } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { planCopy } from './copy-plan.ts';

/** How a stage of vector work goes through its output. */
export interface VecPlan {
  readonly tileRows: number;
  readonly sliceChannels: number;
  /** Words of an input slot and of an output slot. */
  readonly inWords: number;
  readonly outWords: number;
  /** Slots in rotation in every CU; operands per slot. */
  readonly turns: number;
  readonly operands: number;
  /** Words of the maps buffer in use. */
  readonly words: number;
  /** Items of work: tiles × slices. */
  readonly items: number;
}

/** Sizes of the stage's regions: input slots, output slots, second operand's slots. */
export function vecRegions(plan: VecPlan): number[] {
  const times = (words: number): number[] => Array.from({ length: plan.turns }, () => words);
  return [...times(plan.inWords), ...(plan.outWords > 0 ? times(plan.outWords) : []), ...(plan.operands > 1 ? times(plan.inWords) : [])];
}

const LINE = 16;
/** Rows of a tile, which are the columns of a walk over pixels: what the descriptor's fields hold. */
const MAX_TILE_ROWS = fieldRange(fieldInfo('VEC.outWidth').spec).high;

/**
 * Tile and slice: the least reloading of rows that neighbouring tiles share, then the fewest items, but one for every CU. Half of the buffer is
 * left to the neighbour stages where that is possible.
 */
export function planVecStage(stage: Stage, inputView: View, outputView: View, machine: Machine, limitWords: number): VecPlan {
  const vec = stage.vec!;
  if (vec.op === 'copy') return planCopy(vec.boxes, machine, limitWords);
  const input = vec.op === 'max' ? inputView : asColumn(inputView);
  const g = vec.op === 'max' ? vec.geometry : pointsOf(asColumn(outputView));
  const { channels } = input;
  const operands = isPairWork(vec) && vec.other !== stage.input ? 2 : 1;
  let best: { plan: VecPlan; cost: number } | undefined;
  for (const [budget, turns] of [
    [limitWords / 2, 2],
    [limitWords, 2],
    [mapsWords(machine), 1],
  ] as const) {
    for (let slices = 1; slices <= Math.ceil(channels / LINE); slices++) {
      const sliceChannels = slices === 1 ? channels : Math.ceil(channels / slices / LINE) * LINE;
      for (let tileRows = Math.min(g.outHeight, MAX_TILE_ROWS); tileRows >= 1; tileRows = tileRows > 1 ? Math.ceil(tileRows / 2) : 0) {
        const tallest = Math.min(g.inHeight, (tileRows - 1) * g.strideH + (g.kernelH - 1) * g.dilationH + 1);
        const inWords = tallest * g.inWidth * sliceChannels;
        const outWords = tileRows * g.outWidth * sliceChannels;
        const words = turns * (operands * roundUp(inWords) + roundUp(outWords));
        if (words > budget) continue;
        const tiles = Math.ceil(g.outHeight / tileRows);
        const items = tiles * Math.ceil(channels / sliceChannels);
        const idle = Math.ceil(items / machine.computeUnits) * machine.computeUnits - items;
        // Lines loaded, a descriptor's worth of lines per item, idle CUs as if they were items.
        const lines = (tiles * tallest * g.inWidth * channels) / LINE;
        const cost = lines + items * 40 + (idle / items) * lines;
        if (!best || cost < best.cost) best = { plan: { tileRows, sliceChannels, inWords, outWords, turns, operands, words, items }, cost };
      }
    }
    if (best) return best.plan;
  }
  throw new LayerRefusal(
    `layer ${stage.name} (${stage.op}): one row of 16 channels does not fit the maps buffer of ${machine.mapsBytes} bytes; use larger buffers`,
    stage.nodes,
  );
}

/** The pixels of a view as rows of one pixel. */
export function asColumn(view: View): View {
  return { ...view, height: view.height * view.width, width: 1, rowPitch: view.pixelPitch };
}

/** Every pixel of a view by itself. */
export function pointsOf({ height, width }: View): Geometry {
  return pointGeometry(height, width);
}
