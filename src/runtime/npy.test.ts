import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DataType, Tensor, TensorData } from '../graph/graph.ts';
import { InputError } from '../util/errors.ts';
import { readNpy, writeNpy } from './npy.ts';

const MAKERS: Partial<Record<DataType, (values: number[]) => TensorData>> = {
  float32: (v) => Float32Array.from(v),
  float64: (v) => Float64Array.from(v),
  int8: (v) => Int8Array.from(v),
  uint8: (v) => Uint8Array.from(v),
  int16: (v) => Int16Array.from(v),
  uint16: (v) => Uint16Array.from(v),
  int32: (v) => Int32Array.from(v),
  uint32: (v) => Uint32Array.from(v),
  int64: (v) => BigInt64Array.from(v, BigInt),
  uint64: (v) => BigUint64Array.from(v, (x) => BigInt(Math.abs(x))),
  bool: (v) => Uint8Array.from(v, (x) => x & 1),
};

/** A file as numpy writes it: header typed by hand, then the data's bytes. */
function npyFile(header: string, data: Uint8Array): Uint8Array {
  const text = Buffer.from(header, 'latin1');
  return Buffer.concat([Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8]), text, data]);
}

describe('npy', () => {
  it('reads back what it writes, for every type and shape', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(MAKERS)), fc.array(fc.nat(4), { maxLength: 4 }), (dtype, dims) => {
        const values = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 37) % 100) - 50);
        const tensor: Tensor = { dtype: dtype as DataType, dims, data: MAKERS[dtype as DataType]!(values) };
        const bytes = writeNpy(tensor);
        expect(bytes.length % 64).toBe((tensor.data as Uint8Array).byteLength % 64);
        expect(readNpy(bytes, 'x')).toEqual(tensor);
      }),
    );
  });

  it('reads a little-endian float32 matrix typed from the format description', () => {
    const data = Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    expect(readNpy(npyFile("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n", data), 'x')).toEqual({
      dtype: 'float32',
      dims: [2, 1],
      data: Float32Array.of(1, -2),
    });
  });

  it('reads big-endian, Fortran order and half precision', () => {
    const columns = Buffer.from([0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6]);
    const matrix = readNpy(npyFile("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", columns), 'x');
    expect(Array.from(matrix.data as Int16Array)).toEqual([1, 2, 3, 4, 5, 6]);
    const half = Buffer.from([0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c]);
    const halves = readNpy(npyFile("{'descr': '<f2', 'fortran_order': False, 'shape': (4,), }\n", half), 'x');
    expect(Array.from(halves.data as Float32Array)).toEqual([1, -2, 2 ** -24, Number.POSITIVE_INFINITY]);
  });

  it('refuses what is not a complete array, naming the file', () => {
    const good = writeNpy({ dtype: 'float32', dims: [3], data: Float32Array.of(1, 2, 3) });
    expect(() => readNpy(good.subarray(0, good.length - 1), 'a.npy')).toThrow(/a\.npy.*needs 12 bytes.*has 11/);
    expect(() => readNpy(Buffer.from('hello world'), 'a.npy')).toThrow(InputError);
    expect(() => readNpy(npyFile("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", Buffer.alloc(8)), 'a.npy')).toThrow(
      /a\.npy.*header/,
    );
    expect(() => readNpy(npyFile("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", Buffer.alloc(8)), 'a.npy')).toThrow(
      /element type '<c8'/,
    );
  });

  it('never throws anything but InputError on damaged bytes', () => {
    const good = writeNpy({ dtype: 'int16', dims: [2, 3], data: Int16Array.of(1, 2, 3, 4, 5, 6) });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, cut) => {
        const bytes = good.slice(0, cut);
        if (at < cut) bytes[at] = value;
        try {
          readNpy(bytes, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
    );
  });
});
