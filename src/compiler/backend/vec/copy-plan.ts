/**
 * The plan of a stage that copies boxes of words: boxes with one source joined, cut to items that fill a slot. Specification: docs/compiler.md,
 * "Rearrangements".
 */
import type { WordGrid } from '../../../graph/integer-graph.ts';
import type { Machine } from '../../../machine/machine.ts';
import { roundUp } from '../layout/maps-memory.ts';
import type { CopyBox } from '../stages/stage.ts';
import type { VecPlan } from './vec-plan.ts';

/** Slots in rotation in every CU. */
const TURNS = 2;
/** Words of an item at most: enough for long bursts, little enough that all CUs and both directions are busy. */
const MAX_ITEM_WORDS = 8192;
const MIN_ITEM_WORDS = 64;

/** Words that are loaded together, and all the places they go to. */
interface CopyItem {
  readonly rows: number;
  readonly columns: number;
  readonly words: number;
  readonly from: WordGrid;
  readonly to: readonly WordGrid[];
}

/** The plan of a copying stage: slots, and how many items there are. */
export function planCopy(boxes: readonly CopyBox[], machine: Machine, limitWords: number): VecPlan {
  const total = boxes.reduce((sum, box) => sum + box.rows * box.columns * box.words, 0);
  const even = Math.ceil(total / (machine.computeUnits * TURNS));
  const most = Math.min(MAX_ITEM_WORDS, limitWords / TURNS);
  const inWords = roundUp(Math.min(most, Math.max(MIN_ITEM_WORDS, even)));
  const items = cutItems(boxes, inWords).length;
  return { tileRows: 1, sliceChannels: 0, inWords, outWords: 0, turns: TURNS, operands: 1, words: TURNS * inWords, items };
}

/** Boxes with one source joined, cut to items of at most `slotWords` words. */
export function cutItems(boxes: readonly CopyBox[], slotWords: number): CopyItem[] {
  const joined = new Map<string, CopyItem>();
  for (const box of boxes) {
    const { rows, columns, words, from, to } = box;
    const key = [rows, columns, words, from.offset, from.rowStep, from.columnStep].join();
    const known = joined.get(key);
    joined.set(key, known ? { ...known, to: [...known.to, to] } : { rows, columns, words, from, to: [to] });
  }
  return [...joined.values()].flatMap((item) => cutItem(turnUpright(item), slotWords));
}

/** Rows as columns where there are more of them: a descriptor goes through columns by itself. */
function turnUpright(item: CopyItem): CopyItem {
  if (item.columns >= item.rows) return item;
  const swap = ({ offset, rowStep, columnStep }: WordGrid): WordGrid => ({ offset, rowStep: columnStep, columnStep: rowStep });
  return { ...item, rows: item.columns, columns: item.rows, from: swap(item.from), to: item.to.map(swap) };
}

function cutItem(item: CopyItem, slotWords: number): CopyItem[] {
  const rowWords = item.columns * item.words;
  if (item.words > slotWords) return cutAlong(item, 'words', item.words, slotWords).flatMap((part) => cutItem(part, slotWords));
  if (rowWords > slotWords)
    return cutAlong(item, 'columns', item.columns, Math.floor(slotWords / item.words)).flatMap((part) => cutItem(part, slotWords));
  return cutAlong(item, 'rows', item.rows, Math.floor(slotWords / rowWords));
}

/** Pieces of nearly equal size along rows, columns or words. */
function cutAlong(item: CopyItem, what: 'rows' | 'columns' | 'words', count: number, most: number): CopyItem[] {
  const pieces = Math.ceil(count / most);
  return Array.from({ length: pieces }, (_, i): CopyItem => {
    const first = Math.floor((i * count) / pieces);
    const end = Math.floor(((i + 1) * count) / pieces);
    const move = (grid: WordGrid): WordGrid => {
      const step = what === 'rows' ? grid.rowStep : what === 'columns' ? grid.columnStep : 1;
      return { ...grid, offset: grid.offset + first * step };
    };
    return { ...item, [what]: end - first, from: move(item.from), to: item.to.map(move) };
  });
}
