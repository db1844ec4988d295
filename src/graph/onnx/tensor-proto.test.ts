/** Tensors of ONNX files: golden bytes, every form of data, external files. */
import { describe, expect, it } from 'vitest';
import { InputError } from '../../util/errors.ts';
import type { Tensor } from '../graph.ts';
import { onnx } from './generated/onnx.js';
import type { TensorProto } from './proto.ts';
import { readTensorPb } from './read-onnx.ts';
import { proto, read, varints } from './small-model.test-util.ts';
import { tensorToProto } from './tensor-proto.ts';

describe('golden bytes', () => {
  // Typed from the protobuf and ONNX specifications, not produced by our encoder.
  it('reads a TensorProto: dims [2] packed and unpacked, int64_data with a negative number', () => {
    const packed = Uint8Array.of(0x0a, 1, 2, 0x10, 7, 0x3a, 11, 5, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    expect(readTensorPb(packed)).toEqual({ dtype: 'int64', dims: [2], data: BigInt64Array.of(5n, -2n) });
    // Elements that are not packed, and behind them a packed run.
    const unpacked = Uint8Array.of(0x08, 2, 0x10, 7, 0x38, 5, 0x38, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    expect(readTensorPb(unpacked)).toEqual({ dtype: 'int64', dims: [2], data: BigInt64Array.of(5n, -2n) });
  });

  it('writes a TensorProto in the same form', () => {
    const tensor: Tensor = { dtype: 'uint8', dims: [300], data: new Uint8Array(300).fill(9) };
    const bytes = onnx.TensorProto.encode(tensorToProto(tensor, 'a')).finish();
    expect([...bytes]).toEqual([0x08, 0xac, 0x02, 0x10, 2, 0x42, 1, 0x61, 0x4a, 0xac, 0x02, ...new Array(300).fill(9)]);
  });
});

describe('tensor data in every form', () => {
  const tensor = (fields: TensorProto): Tensor => readTensorPb(onnx.TensorProto.encode(fields).finish());
  const dims = [2];
  const bytesOf = (...arrays: (Float32Array | Float64Array)[]): Uint8Array[] => arrays.map((array) => new Uint8Array(array.buffer));

  it('typed lists, in one run or several', () => {
    expect(tensor({ dims, dataType: 1, floatData: bytesOf(Float32Array.of(1.5, -2)) }).data).toEqual(Float32Array.of(1.5, -2));
    expect(tensor({ dims, dataType: 1, floatData: bytesOf(Float32Array.of(1.5), Float32Array.of(-2)) }).data).toEqual(
      Float32Array.of(1.5, -2),
    );
    expect(tensor({ dims, dataType: 11, doubleData: bytesOf(Float64Array.of(1.5, -2)) }).data).toEqual(Float64Array.of(1.5, -2));
    expect(tensor({ dims, dataType: 3, int32Data: [varints(5n, -7n)] }).data).toEqual(Int8Array.of(5, -7));
    expect(tensor({ dims, dataType: 6, int32Data: [varints(5n), varints(-7n)] }).data).toEqual(Int32Array.of(5, -7));
    expect(tensor({ dims, dataType: 9, int32Data: [varints(0n, 1n)] }).data).toEqual(Uint8Array.of(0, 1));
    expect(tensor({ dims, dataType: 10, int32Data: [varints(0x3c00n, 0xc000n)] }).data).toEqual(Float32Array.of(1, -2));
    expect(tensor({ dims, dataType: 12, uint64Data: [varints(1n, 2n ** 32n - 1n)] }).data).toEqual(Uint32Array.of(1, 2 ** 32 - 1));
    expect(tensor({ dims, dataType: 13, uint64Data: [varints(1n, 2n ** 64n - 1n)] }).data).toEqual(BigUint64Array.of(1n, 2n ** 64n - 1n));
    expect(tensor({ dims, dataType: 7, int64Data: [varints(2n ** 62n + 1n, -(2n ** 63n))] }).data).toEqual(
      BigInt64Array.of(2n ** 62n + 1n, -(2n ** 63n)),
    );
    expect(tensor({ dims, dataType: 8, stringData: [Uint8Array.of(104, 105), Uint8Array.of()] }).data).toEqual(['hi', '']);
  });

  it('typed lists that end inside an element', () => {
    expect(() => tensor({ dims, dataType: 1, floatData: [new Uint8Array(7)] })).toThrow(/float32 list ends inside an element/);
    expect(() => tensor({ dims, dataType: 7, int64Data: [Uint8Array.of(1, 0x80)] })).toThrow(/damaged list of numbers/);
  });

  it('elements that are not packed: float, double, int32', () => {
    const head = (dataType: number): number[] => [0x08, 2, 0x10, dataType];
    expect(readTensorPb(Uint8Array.of(...head(1), 0x25, 0, 0, 0xc0, 0x3f, 0x25, 0, 0, 0, 0xc0)).data).toEqual(Float32Array.of(1.5, -2));
    const doubles = [0x51, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x51, 0, 0, 0, 0, 0, 0, 0, 0xc0];
    expect(readTensorPb(Uint8Array.of(...head(11), ...doubles)).data).toEqual(Float64Array.of(1.5, -2));
    expect(readTensorPb(Uint8Array.of(...head(6), 0x28, 5, 0x28, 0xac, 0x02)).data).toEqual(Int32Array.of(5, 300));
  });

  it('raw bytes at any alignment, Node buffers included', () => {
    const bytes = onnx.TensorProto.encode({ dims, dataType: 1, rawData: bytesOf(Float32Array.of(1.5, -2))[0] }).finish();
    for (let shift = 0; shift < 8; shift++) {
      const moved = Buffer.alloc(bytes.length + 8);
      moved.set(bytes, shift);
      expect(readTensorPb(moved.subarray(shift, shift + bytes.length)).data).toEqual(Float32Array.of(1.5, -2));
    }
  });

  it('external files: offset and length, missing, short, outside the folder', () => {
    const external = (location: string, more: [string, string][] = []): Uint8Array =>
      proto((graph) => {
        const weights = graph.initializer[0];
        weights.rawData = null;
        weights.dataLocation = 1;
        weights.externalData = [['location', location], ...more].map(([key, value]) => ({ key, value }));
      });
    const file = new Uint8Array(Float32Array.of(9, 2, -3).buffer);
    const readExternal = (location: string): Uint8Array => {
      if (location !== 'w.bin') throw new Error('no such file');
      return file;
    };
    expect(read(external('w.bin', [['offset', '4']]), { readExternal }).initializers.get('w')!.data).toEqual(Float32Array.of(2, -3));
    expect(() => read(external('w.bin', [['offset', '8']]), { readExternal })).toThrow(/4 bytes where 8 were expected/);
    expect(() => read(external('w.bin', [['offset', '16']]), { readExternal })).toThrow(InputError);
    expect(() => read(external('v.bin'), { readExternal })).toThrow(/cannot read its external weights "v.bin": no such file/);
    expect(() => read(external('w.bin'))).toThrow(/"w.bin", which was not given/);
    expect(() => read(external('../w.bin'), { readExternal })).toThrow(/only paths below/);
    expect(() => read(external('/etc/passwd'), { readExternal })).toThrow(/only paths below/);
  });
});
