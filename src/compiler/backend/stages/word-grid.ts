/** Boxes of words inside tensors, and inside the memory of tensors that are themselves slices. Specification: docs/compiler.md, "Rearrangements". */
import type { IntegerTensor, WordGrid } from '../../../graph/integer-graph.ts';

type Extents = Pick<IntegerTensor, 'height' | 'width' | 'channels'>;

/** Counts of a box. */
export interface BoxSize {
  readonly rows: number;
  readonly columns: number;
  readonly words: number;
}

/** Whole rows and pixels. */
interface Steps {
  readonly rows: number;
  readonly pixels: number;
}

/** A box in terms of pixels: it starts in one and steps from pixel to pixel. */
export interface PixelForm {
  readonly start: Steps;
  readonly channel: number;
  readonly rowStep: Steps;
  readonly columnStep: Steps;
}

/** All words of a tensor in their order. */
export function naturalGrid({ width, channels }: Extents): WordGrid {
  return { offset: 0, rowStep: width * channels, columnStep: channels };
}

/** The box in terms of pixels; undefined where a run of words goes over several, or a step is none of whole pixels, or columns run over into the next row. */
export function pixelForm(grid: WordGrid, { width, channels }: Extents, size: BoxSize): PixelForm | undefined {
  const channel = grid.offset % channels;
  const divide = (pixels: number): Steps => ({ rows: Math.floor(pixels / width), pixels: pixels % width });
  const start = divide(Math.floor(grid.offset / channels));
  const rowStep = divide(size.rows === 1 ? 0 : grid.rowStep / channels);
  const columnStep = divide(size.columns === 1 ? 0 : grid.columnStep / channels);
  const last = start.pixels + (size.rows - 1) * rowStep.pixels + (size.columns - 1) * columnStep.pixels;
  const isWhole = Number.isInteger(rowStep.pixels) && Number.isInteger(columnStep.pixels);
  return isWhole && last < width && channel + size.words <= channels ? { start, channel, rowStep, columnStep } : undefined;
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
    const along = ({ rows, pixels }: Steps): number => rows * home.rowPitch + pixels * home.pixelPitch;
    const pixelPitch = size.columns === 1 ? home.pixelPitch : along(form.columnStep);
    // A single row has no pitch of its own: one that makes it dense.
    const rowPitch = size.rows === 1 ? size.columns * pixelPitch : along(form.rowStep);
    return { address: home.address + along(form.start) + form.channel, pixelPitch, rowPitch };
  }
  const natural = naturalGrid(tensor);
  if (home.pixelPitch !== natural.columnStep || home.rowPitch !== natural.rowStep) throw new Error('words across pixels of a slice');
  const pixelPitch = size.columns === 1 ? size.words : grid.columnStep;
  return { address: home.address + grid.offset, pixelPitch, rowPitch: size.rows === 1 ? size.columns * pixelPitch : grid.rowStep };
}
