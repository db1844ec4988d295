/** JPEG, PNG (and what else sharp reads) from files to a network's input tensor. */
import sharp from 'sharp';
import type { DataType, Tensor } from '../graph/graph.ts';
import { InputError } from '../util/errors.ts';
import { readInputFile } from './files.ts';
import { type DecodePixels, type ImageOptions, imageToTensor } from './image-tensor.ts';

const FITS = { stretch: 'fill', crop: 'cover', pad: 'contain' } as const;

/**
 * The image as a tensor of shape `dims` ([1, c, h, w] or [1, h, w, c]), float32 or, rounded to nearest, uint8.
 * @throws InputError when the file is no image or the input is no picture
 */
export function loadImage(path: string, dims: readonly number[], dtype: DataType, options: ImageOptions = {}): Promise<Tensor> {
  return imageToTensor(path, decoderOf(path), dims, dtype, options);
}

const decoderOf =
  (path: string): DecodePixels =>
  async (width, height, fit) => {
    const bytes = readInputFile(path);
    try {
      return await sharp(bytes)
        .rotate() // as the camera's orientation tag says
        .resize(width, height, { fit: FITS[fit], kernel: 'linear', background: { r: 0, g: 0, b: 0, alpha: 1 } })
        .toColourspace('srgb')
        .ensureAlpha()
        .raw()
        .toBuffer();
    } catch (error) {
      throw new InputError(`${path}: not a readable image: ${(error as Error).message.trim()}`);
    }
  };
