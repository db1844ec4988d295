import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../isa/assemble.ts';
import { XC7Z045 } from '../machine/machine.ts';
import { crc32 } from '../util/crc32.ts';
import { InputError } from '../util/errors.ts';
import { annotateDisassembly } from './annotate-disassembly.ts';
import type { Program } from './program.ts';
import { isProgramFile, readProgram, writeProgram } from './program-file.ts';

const PROGRAM: Program = {
  name: 'tiny',
  machine: XC7Z045,
  frames: 2,
  codeAddress: 64,
  instructions: assemble('loop: SETI LDM.words, 16\nGO LDM\nBNE r0, r0, loop\nEND'),
  segments: [
    { name: 'weights', address: 128, words: Int16Array.of(1, -2, 3) },
    { name: 'empty', address: 129, words: new Int16Array(0) },
    { name: 'table', address: 131, words: Int16Array.of(-32768) },
  ],
  tensors: [
    {
      name: 'x',
      role: 'input',
      address: 0,
      height: 1,
      width: 2,
      channels: 3,
      pixelPitch: 16,
      rowPitch: 32,
      frames: 2,
      frameStep: 32,
      fraction: -1,
      dims: [1, 3, 1, 2],
      order: 'nchw',
    },
    {
      name: 'y',
      role: 'output',
      address: 140,
      height: 1,
      width: 1,
      channels: 1,
      pixelPitch: 16,
      rowPitch: 16,
      frames: 2,
      frameStep: 16,
      fraction: 8,
    },
  ],
  layers: [
    {
      name: 'conv\n\u2028END',
      op: 'conv 1x1/1 3→1',
      nodes: ['conv', 'relu'],
      lanesPerOutput: 4,
      macs: 6,
      weightBytes: 32,
      schedule: '1×4',
      predictedCycles: 12.5,
    },
  ],
  sourceMap: [
    { first: 0, end: 1, layer: -1, tile: '' },
    { first: 1, end: 3, layer: 0, tile: 'tile 0 rows 0–1' },
    { first: 3, end: 4, layer: -1, tile: 'end' },
  ],
  dramWords: 4096,
};

/** A copy of a valid file changed by `edit`, with the checksum made right again: what a careful forger makes. */
function forge(edit: (bytes: Uint8Array<ArrayBuffer>, view: DataView) => Uint8Array<ArrayBuffer> | undefined): Uint8Array {
  const original = writeProgram(PROGRAM);
  const bytes = edit(original, new DataView(original.buffer)) ?? original;
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

/** A file whose header is `PROGRAM`'s after a change of its text, all lengths right. */
function withHeader(change: (json: string) => string): Uint8Array {
  return forge((bytes, view) => {
    const old = view.getUint32(12, true);
    const json = new TextEncoder().encode(change(new TextDecoder().decode(bytes.subarray(32, 32 + old))));
    const tail = bytes.subarray(Math.ceil((32 + old) / 16) * 16);
    const start = Math.ceil((32 + json.length) / 16) * 16;
    const result = new Uint8Array(start + tail.length);
    result.set(bytes.subarray(0, 32));
    result.set(json, 32);
    result.set(tail, start);
    const resultView = new DataView(result.buffer);
    resultView.setUint32(12, json.length, true);
    resultView.setBigUint64(16, BigInt(result.length), true);
    return result;
  });
}

describe('writeProgram and readProgram', () => {
  it('are inverse, at any alignment of the bytes', () => {
    const bytes = writeProgram(PROGRAM);
    expect(isProgramFile(bytes)).toBe(true);
    expect(readProgram(bytes, 'p')).toEqual(PROGRAM);
    for (let shift = 1; shift < 4; shift++) {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      expect(readProgram(moved.subarray(shift), 'p')).toEqual(PROGRAM);
    }
  });

  it('give the same bytes whatever the order of keys', () => {
    const reversed = Object.fromEntries(Object.entries(PROGRAM).reverse()) as unknown as Program;
    const machine = Object.fromEntries(Object.entries(XC7Z045).reverse()) as unknown as Program['machine'];
    expect(writeProgram({ ...reversed, machine })).toEqual(writeProgram(PROGRAM));
    expect(writeProgram(readProgram(writeProgram(PROGRAM), 'p'))).toEqual(writeProgram(PROGRAM));
  });

  it('have the layout of the manual', () => {
    const bytes = writeProgram(PROGRAM);
    const view = new DataView(bytes.buffer);
    expect(new TextDecoder().decode(bytes.subarray(0, 8))).toBe('SNOWFLK\n');
    expect(view.getUint32(8, true)).toBe(1);
    expect(view.getUint32(16, true)).toBe(bytes.length);
    const code = Math.ceil((32 + view.getUint32(12, true)) / 16) * 16;
    expect(view.getUint32(code + 12, true)).toBe(0x84000000);
    expect([0, 2, 4].map((i) => view.getInt16(code + 16 + i, true))).toEqual([1, -2, 3]);
    expect(view.getInt16(code + 32, true)).toBe(-32768);
    expect(bytes.length).toBe(code + 34 + 4);
  });

  it('refuse to write an unsound program', () => {
    expect(() => writeProgram({ ...PROGRAM, dramWords: 100 })).toThrow('program tiny: segment weights takes DRAM words 128 to 130');
  });
});

describe('readProgram refuses', () => {
  it.each([
    ['an empty file', new Uint8Array(0), 'not a Snowflake program file'],
    [
      'a foreign file',
      new TextEncoder().encode('\x08\x07\x12\x07pytorch and much more, long enough to hold a prefix'),
      'not a Snowflake program file',
    ],
    ['the magic alone', writeProgram(PROGRAM).subarray(0, 8), 'truncated program file: 8 bytes'],
    ['a truncated file', writeProgram(PROGRAM).subarray(0, 500), 'truncated or damaged program file: 500 bytes, expected'],
    ['trailing bytes', new Uint8Array([...writeProgram(PROGRAM), 0]), 'truncated or damaged program file'],
    ['a newer format', forge((_, view) => void view.setUint32(8, 2, true)), 'program format 2, this software reads up to 1; update it'],
    ['format 0', forge((_, view) => void view.setUint32(8, 0, true)), 'format 0'],
    ['a huge header length', forge((_, view) => void view.setUint32(12, 0xffff_fff0, true)), 'a header of 4294967280 bytes does not fit'],
    ['a header that is no UTF-8', forge((bytes) => void bytes.fill(0xff, 40, 44)), 'the header is not JSON'],
    ['a header nested without end', withHeader(() => '['.repeat(200_000)), 'the header is not JSON'],
    ['a header of another type', withHeader(() => '[]'), 'header: the whole: Invalid input: expected object'],
    ['a missing value', withHeader((json) => json.replace('"frames":2,', '')), 'header: frames: Invalid input: expected number'],
    ['an unknown key', withHeader((json) => json.replace('"frames"', '"future":1,"frames"')), 'Unrecognized key: "future"'],
    [
      'an impossible machine',
      withHeader((json) => json.replace('"computeUnits":4', '"computeUnits":5')),
      'machine.computeUnits: must be a power of two',
    ],
    [
      'huge instruction counts',
      withHeader((json) => json.replace('"instructions":4', '"instructions":9007199254740991')),
      'its parts end at byte',
    ],
    ['huge segments', withHeader((json) => json.replace('"words":3', '"words":4000000000')), 'its parts end at byte'],
    [
      'overlapping segments',
      withHeader((json) => json.replace('"address":131', '"address":130')),
      'segment weights and segment table overlap at DRAM word 130',
    ],
    ['code on a segment', withHeader((json) => json.replace('"codeAddress":64', '"codeAddress":128')), 'overlap at DRAM word 128'],
    [
      'code off its grain',
      withHeader((json) => json.replace('"codeAddress":64', '"codeAddress":32')),
      'codeAddress is 32, expected a multiple of 64',
    ],
    [
      'a tensor outside',
      withHeader((json) => json.replace('"address":140', '"address":4090')),
      'tensor y takes DRAM words 4090 to 4106, the program has 4096',
    ],
    [
      'more DRAM than the machine',
      withHeader((json) => json.replace('"dramWords":4096', '"dramWords":1073741824')),
      'it needs 2147483648 bytes of DRAM',
    ],
    [
      'a gap in the source map',
      withHeader((json) => json.replace('"first":1', '"first":2')),
      'sourceMap[1] covers instructions 2 to 2, expected it to begin at 1',
    ],
    [
      'a short source map',
      withHeader((json) => json.replace('"first":3,"end":4', '"first":3,"end":5')),
      'sourceMap covers 5 instructions, the program has 4',
    ],
    ['an unknown layer', withHeader((json) => json.replace('"layer":0', '"layer":1')), 'sourceMap[1] names layer 1, there are 1'],
  ])('%s', (_what, bytes, message) => {
    expect(() => readProgram(bytes, 'p.sfp')).toThrow(InputError);
    expect(() => readProgram(bytes, 'p.sfp')).toThrow('p.sfp: ');
    expect(() => readProgram(bytes, 'p.sfp')).toThrow(message);
  });

  it('every flip of one or several bits, and every truncation', () => {
    const original = writeProgram(PROGRAM);
    const bit = fc.integer({ min: 0, max: original.length * 8 - 1 });
    fc.assert(
      fc.property(fc.uniqueArray(bit, { minLength: 1, maxLength: 4 }), fc.integer({ min: 0, max: original.length }), (flips, length) => {
        const flipped = original.slice();
        for (const flip of flips) flipped[flip >> 3] ^= 1 << (flip & 7);
        expect(() => readProgram(flipped, 'p')).toThrow(InputError);
        if (length < original.length) expect(() => readProgram(original.subarray(0, length), 'p')).toThrow(InputError);
      }),
      { numRuns: 400 },
    );
  });

  it('random bytes, also behind a right magic, length and checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 28, maxLength: 300 }), fc.boolean(), (noise, framed) => {
        const bytes = noise.slice();
        if (framed) {
          bytes.set(new TextEncoder().encode('SNOWFLK\n'));
          const view = new DataView(bytes.buffer);
          if (bytes.length > 40) {
            view.setUint32(8, 1, true);
            view.setUint32(12, view.getUint32(12, true) % bytes.length, true);
            view.setBigUint64(16, BigInt(bytes.length), true);
            view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
          }
        }
        expect(() => readProgram(bytes, 'p')).toThrow(InputError);
      }),
      { numRuns: 400 },
    );
  });

  it('or accepts a forged header, but never fails otherwise', () => {
    const base = new TextDecoder().decode(writeProgram(PROGRAM).subarray(32));
    const numbers = [...base.matchAll(/-?\d+(?=[,\]}])/g)].length;
    const value = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom('null', '1e308', '-0', '""', '[]', '{}', '1.5'));
    let accepted = 0;
    fc.assert(
      fc.property(fc.nat({ max: numbers - 1 }), value, (which, replacement) => {
        const bytes = withHeader((json) => {
          let seen = 0;
          return json.replace(/-?\d+(?=[,\]}])/g, (number) => (seen++ === which ? `${replacement}` : number));
        });
        try {
          const program = readProgram(bytes, 'p');
          accepted++;
          const bytesAgain = writeProgram(program);
          expect(writeProgram(readProgram(bytesAgain, 'p'))).toEqual(bytesAgain);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 400 },
    );
    expect(accepted).toBeGreaterThan(0);
  });
});

describe('annotateDisassembly', () => {
  it('names layer and tile, and assembles to the same words', () => {
    const text = annotateDisassembly(PROGRAM);
    expect(assemble(text)).toEqual(PROGRAM.instructions);
    expect(text).toBe(
      [
        '; tiny for xc7z045: 4 instructions, 2 frame(s), code at word 64',
        '; no layer',
        'L0:',
        '  SETI LDM.words, 16',
        '; layer 0 conv�\u2028END: conv 1x1/1 3→1, tile 0 rows 0–1',
        '  GO LDM',
        '  BNE r0, r0, L0',
        '; no layer, end',
        '  END',
        '',
      ].join('\n'),
    );
  });
});
