/** Boxes of words inside tensors, and inside the memory of tensors that are themselves slices. Specification: docs/compiler.md, "Rearrangements". */
import type { IntegerTensor, WordGrid } from '../../graph/integer-graph.ts';

type Extents = Pick<IntegerTensor, 'height' | 'width' | 'channels'>;

/** Counts of a box. */
export interface BoxSize {
  readonly rows: number;
  readonly columns: number;
  readonly words: number;
}

/** A box in terms of pixels: it starts in one and steps from pixel to pixel. */
export interface PixelForm {
  readonly row: number;
  readonly column: number;
  readonly channel: number;
  /** Rows (columns) of the tensor from one row (column) of the box to the next. */
  readonly rowStep: number;
  readonly columnStep: number;
}

/** All words of a tensor in their order. */
export function naturalGrid({ width, channels }: Extents): WordGrid {
  return { offset: 0, rowStep: width * channels, columnStep: channels };
}

/** The box in terms of pixels; undefined where a run of words goes over several, or a step is none of whole pixels and rows. */
export function pixelForm(grid: WordGrid, { width, channels }: Extents, size: BoxSize): PixelForm | undefined {
  const channel = grid.offset % channels;
  const pixel = Math.floor(grid.offset / channels);
  const column = pixel % width;
  const rowStep = size.rows === 1 ? 0 : grid.rowStep / (width * channels);
  const columnStep = size.columns === 1 ? 0 : grid.columnStep / channels;
  if (!Number.isInteger(rowStep) || !Number.isInteger(columnStep)) return undefined;
  if (channel + size.words > channels || column + (size.columns - 1) * columnStep >= width) return undefined;
  return { row: Math.floor(pixel / width), column, channel, rowStep, columnStep };
}

/** How a tensor lies in DRAM: word of (y, x, c) at address + y·rowPitch + x·pixelPitch + c. */
export interface Pitches {
  readonly address: number;
  readonly rowPitch: number;
  readonly pixelPitch: number;
}

/**
 * How a box of a tensor lies in DRAM. @throws Error for a box across pixels of a tensor that is not dense: a defect of the placement.
 */
export function boxPitches(home: Pitches, tensor: Extents, grid: WordGrid, size: BoxSize): Pitches {
  const form = pixelForm(grid, tensor, size);
  if (form) {
    const address = home.address + form.row * home.rowPitch + form.column * home.pixelPitch + form.channel;
    const pixelPitch = size.columns === 1 ? home.pixelPitch : form.columnStep * home.pixelPitch;
    // A single row has no pitch of its own: one that makes it dense.
    return { address, pixelPitch, rowPitch: size.rows === 1 ? size.columns * pixelPitch : form.rowStep * home.rowPitch };
  }
  const natural = naturalGrid(tensor);
  if (home.pixelPitch !== natural.columnStep || home.rowPitch !== natural.rowStep) throw new Error('words across pixels of a slice');
  const pixelPitch = size.columns === 1 ? size.words : grid.columnStep;
  return { address: home.address + grid.offset, pixelPitch, rowPitch: size.rows === 1 ? size.columns * pixelPitch : grid.rowStep };
}
