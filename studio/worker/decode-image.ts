/** Pictures by the browser's own decoders, resized on a canvas: the browser's twin of src/runtime/image.ts. */
import { type DecodePixels, InputError } from '../../src/browser.ts';

export const decoderOf =
  (file: File): DecodePixels =>
  async (width, height, fit) => {
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      throw new InputError(`${file.name}: not an image that this browser reads`);
    }
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) throw new Error('no canvas');
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = 'high';
    const [sx, sy] = [width / bitmap.width, height / bitmap.height];
    const scale = fit === 'crop' ? Math.max(sx, sy) : Math.min(sx, sy);
    const [w, h] = fit === 'stretch' ? [width, height] : [bitmap.width * scale, bitmap.height * scale];
    context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
    bitmap.close();
    return context.getImageData(0, 0, width, height).data;
  };
