/** Hostile ONNX files: whatever the bytes, reading ends quickly, with a graph or with an InputError. */
import fc from 'fast-check';
import protobuf from 'protobufjs/minimal.js';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../util/errors.ts';
import { readTensorPb } from './read-onnx.ts';
import { read, smallBytes } from './small-model.test-util.ts';

describe('fuzzing: nothing but InputError, quickly', () => {
  const survives = (bytes: Uint8Array): void => {
    try {
      read(bytes, { readExternal: () => new Uint8Array(16) });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  };

  it('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        survives(bytes);
        try {
          readTensorPb(bytes);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('truncations of a model, every length', () => {
    for (let length = 0; length < smallBytes.length; length++) expect(() => read(smallBytes.subarray(0, length))).toThrow(InputError);
  });

  it('flipped bits', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(smallBytes.length * 8 - 1), { minLength: 1, maxLength: 4 }), (bits) => {
        const bytes = smallBytes.slice();
        for (const bit of bits) bytes[bit >> 3] ^= 1 << (bit & 7);
        survives(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('deep nesting', () => {
    let bytes = new Uint8Array(0);
    // Graphs in attributes of nodes: field 7 once, then 1 (node), 5 (attribute), 6 (graph) again and again.
    const wrap = (tag: number): void => {
      const length = bytes.length;
      const header = [tag];
      for (let rest = length; ; rest >>= 7) {
        header.push(rest >= 128 ? (rest & 127) | 128 : rest);
        if (rest < 128) break;
      }
      bytes = Uint8Array.from([...header, ...bytes]);
    };
    for (let depth = 0; depth < 400; depth++) for (const tag of [0x32, 0x2a, 0x0a]) wrap(tag);
    wrap(0x3a);
    expect(() => read(bytes)).toThrow(/nested more than 100 deep/);
  });

  it('two bytes that make an object each, millions of times', () => {
    const repeat = (head: number[], item: number[], times: number): Uint8Array => {
      const writer = new protobuf.Writer();
      for (const byte of head) writer.uint32(byte);
      const inner = new Uint8Array(item.length * times);
      for (let at = 0; at < inner.length; at += item.length) inner.set(item, at);
      return writer.bytes(inner).finish();
    };
    const millions = 2 ** 22 + 1;
    // Empty inputs; dimensions of one tensor; packed floats of an attribute.
    expect(() => read(repeat([0x3a], [0x5a, 0], millions))).toThrow(/more than 4194304 fields and numbers/);
    expect(() => readTensorPb(repeat([0x0a], [1], millions))).toThrow(/fields and numbers/);
    const floats = repeat([0x3a], [0], 4 * millions);
    const attribute = new protobuf.Writer().uint32(0x2a).bytes(floats).finish();
    const node = new protobuf.Writer().uint32(0x0a).bytes(attribute).finish();
    expect(() => read(new protobuf.Writer().uint32(0x3a).bytes(node).finish())).toThrow(/fields and numbers/);
  });
});
