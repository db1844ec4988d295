/**
 * A decoded picture to a network's input tensor: channel order, scale, mean, standard deviation. Who decodes and resizes is the platform's affair.
 * Element = (pixel · scale − mean[channel]) / std[channel], pixel 0 to 255, channels in the order asked for.
 */
import type { DataType, Tensor } from '../graph/graph.ts';
import { InputError } from '../util/errors.ts';

/** How an image becomes the input's size: `stretch` both sides, `crop` the centre, or `pad` with black to keep the proportions. */
export const IMAGE_FITS = ['stretch', 'crop', 'pad'] as const;
/** Order of the colours in an input's channels. */
export const CHANNEL_ORDERS = ['rgb', 'bgr'] as const;
/** Order of an image input's dimensions. */
export const IMAGE_LAYOUTS = ['nchw', 'nhwc'] as const;

/** How an image becomes an input; everything has a default. */
export interface ImageOptions {
  readonly fit?: (typeof IMAGE_FITS)[number];
  /** Default `rgb`. One-channel inputs take the luma 0.299 R + 0.587 G + 0.114 B; the fourth channel of four is alpha. */
  readonly channelOrder?: (typeof CHANNEL_ORDERS)[number];
  /** Default: whichever of dims[1] (nchw) and dims[3] (nhwc) is 1, 3 or 4, nchw first. */
  readonly layout?: (typeof IMAGE_LAYOUTS)[number];
  /** Default 1/255, so that pixels are 0 to 1. */
  readonly scale?: number;
  /** One number for all channels or one a channel; default 0. */
  readonly mean?: readonly number[];
  /** As `mean`; default 1. */
  readonly std?: readonly number[];
}

/** Decodes a picture and makes it width × height: RGBA bytes, height × width × 4. */
export type DecodePixels = (width: number, height: number, fit: (typeof IMAGE_FITS)[number]) => Promise<Uint8Array | Uint8ClampedArray>;

/** Whether a file name looks like an image that `loadImage` reads. */
export function isImageName(path: string): boolean {
  return /\.(jpe?g|png|webp|gif|tiff?|avif)$/i.test(path);
}

/**
 * An image as a tensor of shape `dims` ([1, c, h, w] or [1, h, w, c]), float32 or, rounded to nearest, uint8.
 * @param path the image's name, for messages
 * @throws InputError when the file is no image or the input is no picture
 */
export async function imageToTensor(
  path: string,
  decode: DecodePixels,
  dims: readonly number[],
  dtype: DataType,
  options: ImageOptions = {},
): Promise<Tensor> {
  if (dtype !== 'float32' && dtype !== 'uint8') throw new InputError(`${path}: an image can not feed an input of type ${dtype}`);
  const { channels, height, width, layout } = pictureOf(dims, options.layout, path);
  const mean = perChannel(options.mean ?? [0], channels, 'mean');
  const std = perChannel(options.std ?? [1], channels, 'std');
  if (std.includes(0)) throw new InputError('std: 0 is not a standard deviation');
  const scale = options.scale ?? (dtype === 'uint8' ? 1 : 1 / 255);

  const rgba = await decode(width, height, options.fit ?? 'stretch');
  const pixels = width * height;
  const out = dtype === 'uint8' ? new Uint8Array(channels * pixels) : new Float32Array(channels * pixels);
  for (let c = 0; c < channels; c++) {
    const from = options.channelOrder === 'bgr' && c < 3 ? 2 - c : c;
    for (let p = 0; p < pixels; p++) {
      const at = 4 * p;
      const pixel = channels === 1 ? 0.299 * rgba[at] + 0.587 * rgba[at + 1] + 0.114 * rgba[at + 2] : rgba[at + from];
      const value = (pixel * scale - mean[c]) / std[c];
      out[layout === 'nchw' ? c * pixels + p : p * channels + c] =
        dtype === 'uint8' ? Math.min(255, Math.max(0, Math.round(value))) : value;
    }
  }
  return { dtype, dims, data: out };
}

function pictureOf(dims: readonly number[], asked: ImageOptions['layout'], path: string) {
  const isChannels = (n: number): boolean => n === 1 || n === 3 || n === 4;
  const layout = asked ?? (dims.length === 4 && !isChannels(dims[1]) && isChannels(dims[3]) ? 'nhwc' : 'nchw');
  const [n, ...rest] = dims;
  const [channels, height, width] = layout === 'nchw' ? rest : [rest[2], rest[0], rest[1]];
  if (dims.length !== 4 || n !== 1 || !isChannels(channels)) {
    throw new InputError(
      `${path}: an image can not feed an input of shape ${dims.join('×')}: expected 1×c×h×w or 1×h×w×c with c = 1, 3 or 4; give a .npy file`,
    );
  }
  return { channels, height, width, layout };
}

function perChannel(values: readonly number[], channels: number, what: string): readonly number[] {
  if (values.length === 1) return new Array<number>(channels).fill(values[0]);
  if (values.length !== channels) throw new InputError(`${what}: ${values.length} values for ${channels} channels; give 1 or ${channels}`);
  return values;
}
