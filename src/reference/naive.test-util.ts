/**
 * A second, even plainer executor for tests: BigInt, one output word at a time, every tap visited and checked, no shared helpers.
 * It follows docs/numbers.md sections 2 to 7 sentence by sentence.
 */
import type { IntegerGraph, IntegerLayer } from '../graph/integer-graph.ts';

function finish(v: bigint, shift: number, low: number, high: number): number {
  const half = shift > 0 ? 1n << BigInt(shift - 1) : 0n;
  let r = (v + half) >> BigInt(shift);
  if (r > 32767n) r = 32767n;
  if (r < -32768n) r = -32768n;
  if (r < BigInt(low)) r = BigInt(low);
  if (r > BigInt(high)) r = BigInt(high);
  return Number(r);
}

/** Words of one layer, computed naively. */
export function naiveLayer(graph: IntegerGraph, layer: IntegerLayer, inputs: readonly Int16Array[]): Int16Array {
  const out = graph.tensors[layer.output];
  const a = graph.tensors[layer.inputs[0]];
  const result = new Int16Array(out.height * out.width * out.channels);
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      for (let c = 0; c < out.channels; c++) {
        const at = (y * out.width + x) * out.channels + c;
        result[at] = naiveWord(y, x, c, at);
      }
    }
  }
  return result;

  function word(y: number, x: number, c: number): number | undefined {
    if (y < 0 || x < 0 || y >= a.height || x >= a.width) return undefined;
    return inputs[0][(y * a.width + x) * a.channels + c];
  }

  function naiveWord(y: number, x: number, c: number, at: number): number {
    switch (layer.kind) {
      case 'conv': {
        const { kernel, stride, dilation, pads } = layer.window;
        const used = layer.inputChannels ?? a.channels;
        const perGroup = used / layer.groups;
        const group = Math.floor((c * layer.groups) / out.channels);
        let sum = BigInt(layer.bias[c]);
        for (let ky = 0; ky < kernel[0]; ky++) {
          for (let kx = 0; kx < kernel[1]; kx++) {
            for (let i = 0; i < perGroup; i++) {
              const channel = (layer.inputChannelOffset ?? 0) + group * perGroup + i;
              const v = word(y * stride[0] - pads[0] + ky * dilation[0], x * stride[1] - pads[1] + kx * dilation[1], channel);
              if (v === undefined) continue;
              sum += BigInt(v) * BigInt(layer.weights[((c * kernel[0] + ky) * kernel[1] + kx) * perGroup + i]);
            }
          }
        }
        return finish(sum, layer.shift[c], layer.clamp.low, layer.clamp.high);
      }
      case 'matmul': {
        let sum = 0n;
        const outer = inputs[1].length / out.channels;
        for (let k = 0; k < a.channels; k++) sum += BigInt(word(y, x, k)!) * BigInt(inputs[1][c * outer + k]);
        return finish(sum, layer.shift, layer.clamp.low, layer.clamp.high);
      }
      case 'maxpool':
      case 'averagepool': {
        const { kernel, stride, dilation, pads } = layer.window;
        let largest = -32768;
        let sum = 0n;
        let divisor = 0;
        for (let ky = 0; ky < kernel[0]; ky++) {
          for (let kx = 0; kx < kernel[1]; kx++) {
            const iy = y * stride[0] - pads[0] + ky * dilation[0];
            const ix = x * stride[1] - pads[1] + kx * dilation[1];
            const v = word(iy, ix, c);
            const padded = iy < a.height + pads[2] && ix < a.width + pads[3];
            if (v !== undefined) {
              largest = Math.max(largest, v);
              sum += BigInt(v);
            }
            if (v !== undefined || (layer.kind === 'averagepool' && layer.countIncludePad && padded)) divisor++;
          }
        }
        if (layer.kind === 'maxpool') return finish(BigInt(largest), 0, layer.clamp.low, layer.clamp.high);
        if (divisor === 0) return finish(0n, 0, layer.clamp.low, layer.clamp.high);
        const n = BigInt(divisor);
        const multiplier = ((1n << BigInt(layer.shift + 1)) + n) / (2n * n);
        return finish(sum * multiplier, layer.shift, layer.clamp.low, layer.clamp.high);
      }
      case 'add': {
        const sum = (BigInt(inputs[0][at]) << BigInt(layer.shiftA)) + (BigInt(inputs[1][at % inputs[1].length]) << BigInt(layer.shiftB));
        return finish(sum, layer.shiftOut, layer.clamp.low, layer.clamp.high);
      }
      case 'mul': {
        const product = BigInt(inputs[0][at]) * BigInt(inputs[1][at % inputs[1].length]);
        return finish(product, layer.shiftOut, layer.clamp.low, layer.clamp.high);
      }
      case 'maximum':
        return finish(BigInt(Math.max(inputs[0][at], inputs[1][at])), 0, layer.clamp.low, layer.clamp.high);
      case 'constant':
        return layer.words[at];
      case 'table': {
        const offset = inputs[0][at] + 32768;
        const segment = Math.floor(offset / 256);
        const v = BigInt(layer.base[segment]) + BigInt(layer.slope[segment]) * BigInt(offset % 256);
        return finish(v, layer.shiftOut, layer.clamp.low, layer.clamp.high);
      }
      case 'rearrange': {
        for (const part of layer.parts) {
          for (let row = 0; row < part.rows; row++) {
            for (let column = 0; column < part.columns; column++) {
              for (let k = 0; k < part.words; k++) {
                const target = part.to.offset + row * part.to.rowStep + column * part.to.columnStep + k;
                if (target === at)
                  return inputs[part.input][part.from.offset + row * part.from.rowStep + column * part.from.columnStep + k];
              }
            }
          }
        }
        return layer.fill;
      }
      case 'concat': {
        let channel = c;
        for (let k = 0; ; k++) {
          const { channels } = graph.tensors[layer.inputs[k]];
          if (channel < channels) return inputs[k][(y * out.width + x) * channels + channel];
          channel -= channels;
        }
      }
    }
  }
}
