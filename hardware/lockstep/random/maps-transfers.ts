/**
 * Random loads of maps and activation tables, and stores: runs in one half of the maps buffers, with and without a ring.
 * Specification: docs/isa.md, section 5; docs/microarchitecture.md, section 6.
 */
import { SPACE } from '../../../src/compiler/backend/tasks/task.ts';
import { TABLE_WORDS } from '../../../src/isa/descriptor-rules.ts';
import { UNIT_ID } from '../../../src/isa/fields.ts';
import { cusOf, type Fields, type ProgramBuilder } from './program-builder.ts';

/** Words of DRAM that loads read and stores write, each. */
export const DRAM_DATA_WORDS = 8192;

/** Loads all words in use of every maps buffer, and the tables: what is read later is never undefined. */
export function fillBuffers(b: ProgramBuilder, useTables: boolean): void {
  const words = 2 * b.half;
  const all = 2 ** b.cus - 1;
  const image = b.constants('maps', b.randomWords(words));
  // A run longer than a field or in several rows, with and without a ring: the same words in the end.
  const rows = b.pick(1, 2, 4);
  const run = words / rows;
  b.add(
    UNIT_ID.LDM,
    { dramAddress: image, dramStep: run, base: b.mapsBase, step: run, ring: b.chance(50) ? words : 0, rows, words: run, cus: all },
    [
      { space: SPACE.dram, start: image, end: image + words, writes: false },
      ...cusOf(all).map((cu) => ({ space: SPACE.maps(cu), start: b.mapsBase, end: b.mapsBase + words, writes: true })),
    ],
  );
  if (!useTables) return;
  for (const mask of b.chance(50) ? [all] : cusOf(all).map((cu) => 1 << cu)) {
    const table = b.constants('table', b.randomWords(TABLE_WORDS));
    b.add(UNIT_ID.LDM, { dramAddress: table, rows: 1, words: TABLE_WORDS, cus: mask, space: 1 }, [
      { space: SPACE.dram, start: table, end: table + TABLE_WORDS, writes: false },
      ...cusOf(mask).map((cu) => ({ space: SPACE.table(cu), start: 0, end: TABLE_WORDS, writes: true })),
    ]);
  }
}

/** Runs of a load or store inside one half; the DRAM words are apart from each other or the same. */
function drawRuns(b: ProgramBuilder): { fields: Fields; start: number; end: number; dramWords: number } {
  const words = b.draw(1, b.chance(30) ? 400 : 70);
  const gap = b.draw(0, 20);
  const pitch = words + gap;
  const rows = b.draw(1, Math.max(1, Math.min(6, Math.floor(b.half / pitch))));
  // Runs of a load must be apart.
  const ringRows = b.draw(rows, Math.max(rows, Math.floor(b.half / pitch)));
  const useRing = b.chance(40);
  const extent = useRing ? ringRows * pitch : (rows - 1) * pitch + words;
  const base = b.halfBase(b.draw(0, 1)) + b.draw(0, b.half - extent);
  const offset = useRing ? b.draw(0, ringRows - 1) * pitch : 0;
  const dramStep = words + b.pick(0, 0, b.draw(1, 60), b.chance(20) ? 2048 : 3);
  const fields = { base, ring: useRing ? ringRows * pitch : 0, offset, step: pitch, rows, words, dramStep };
  return { fields, start: base, end: base + extent, dramWords: (rows - 1) * dramStep + words };
}

/** A load of maps from the DRAM words at `data`. */
export function addLoad(b: ProgramBuilder, data: number): void {
  const { fields, start, end, dramWords } = drawRuns(b);
  const cus = b.cuMask();
  // Constants, or what was stored before.
  const dramAddress = data + b.draw(0, Math.max(0, DRAM_DATA_WORDS - dramWords));
  const rows = dramWords > DRAM_DATA_WORDS ? 1 : fields.rows;
  b.add(UNIT_ID.LDM, { ...fields, rows, cus, dramAddress }, [
    { space: SPACE.dram, start: dramAddress, end: dramAddress + dramWords, writes: false },
    ...cusOf(cus).map((cu) => ({ space: SPACE.maps(cu), start, end, writes: true })),
  ]);
}

/** A store to the DRAM words at `stored`. */
export function addStore(b: ProgramBuilder, stored: number): void {
  const { fields, start, end, dramWords } = drawRuns(b);
  const cu = b.draw(0, b.cus - 1);
  const dramAddress = stored + b.draw(0, Math.max(0, DRAM_DATA_WORDS - dramWords));
  const rows = dramWords > DRAM_DATA_WORDS ? 1 : fields.rows;
  b.add(UNIT_ID.ST, { ...fields, rows, cu, dramAddress }, [
    { space: SPACE.maps(cu), start, end, writes: false },
    { space: SPACE.dram, start: dramAddress, end: dramAddress + dramWords, writes: true },
  ]);
}

/** Stores all words in use of every maps buffer. */
export function storeMaps(b: ProgramBuilder): void {
  for (let cu = 0; cu < b.cus; cu++) {
    const words = 2 * b.half;
    const dramAddress = b.allocate(words, false);
    b.add(UNIT_ID.ST, { dramAddress, base: b.mapsBase, rows: 1, words, cu }, [
      { space: SPACE.maps(cu), start: b.mapsBase, end: b.mapsBase + words, writes: false },
      { space: SPACE.dram, start: dramAddress, end: dramAddress + words, writes: true },
    ]);
  }
}
