/** A function table as the vector units load it. Specification: docs/numbers.md, "Table". */
import type { LookUp } from '../stages/stage.ts';

/** Words of a table: 256 entries of four words. */
export const TABLE_WORDS = 1024;
/** Bytes that plans count for bringing one to four CUs. */
export const TABLE_BYTES = 4 * 2 * TABLE_WORDS;

/** The table's memory image. */
export function packTable(work: LookUp): Int16Array {
  const words = new Int16Array(TABLE_WORDS);
  for (let i = 0; i < 256; i++) {
    words[4 * i] = work.table.base[i]!;
    words[4 * i + 1] = work.table.base[i]! >> 16;
    words[4 * i + 2] = work.table.slope[i]!;
  }
  return words;
}
