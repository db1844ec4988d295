/** Tensors in a program's DRAM image: words channels last ↔ the place that the memory plan gives them. */
import type { TensorPlacement } from '../program/program.ts';

/** Copies one frame's words (height × width × channels) to their place. */
export function placeWords(dram: Int16Array, placement: TensorPlacement, frame: number, words: Int16Array): void {
  const { channels } = placement;
  forEachPixel(placement, frame, (address, at) => dram.set(words.subarray(at, at + channels), address));
}

/** One frame's words (height × width × channels) from their place. */
export function readWords(dram: Int16Array, placement: TensorPlacement, frame: number): Int16Array {
  const { height, width, channels } = placement;
  const words = new Int16Array(height * width * channels);
  forEachPixel(placement, frame, (address, at) => words.set(dram.subarray(address, address + channels), at));
  return words;
}

/** Calls back with each pixel's DRAM word address and its position in the packed words; dense rows of pixels stay pixel by pixel. */
function forEachPixel(placement: TensorPlacement, frame: number, visit: (address: number, at: number) => void): void {
  const { address, height, width, channels, pixelPitch, rowPitch, frameStep } = placement;
  const origin = address + frame * frameStep;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) visit(origin + y * rowPitch + x * pixelPitch, (y * width + x) * channels);
  }
}
