import { describe, expect, it } from 'vitest';
import { assemble } from './assemble.ts';
import { traceCore } from './core.ts';
import { describeRules, findDescriptorFault, findTraceFault } from './descriptor-rules.ts';
import { zeroDescriptor } from './field-codes.ts';
import type { Descriptor, UnitKind } from './fields.ts';

const LIMITS = { computeUnits: 4, mapsWords: 65536, weightsLines: 1024 };
const walk = {
  words: 16,
  kernelH: 3,
  kernelW: 3,
  strideH: 1,
  strideW: 1,
  dilationH: 1,
  dilationW: 1,
  inHeight: 8,
  inWidth: 8,
  outWidth: 8,
};
const SOUND: { readonly [K in UnitKind]: Descriptor<K> } = {
  LDM: { ...zeroDescriptor('LDM'), rows: 1, words: 1024, cus: 15, signalWrite: 0xff7 },
  LDW: { ...zeroDescriptor('LDW'), lines: 1024, images: 16, cusPerSlot: 1 },
  ST: { ...zeroDescriptor('ST'), rows: 4, words: 64, ring: 256, step: 256, offset: 255, cu: 3 },
  MAC: { ...zeroDescriptor('MAC'), ...walk, tapStep: 16, count: 64, outCus: 8, lanes: 16, outWords: 4, clampLow: -1 },
  VEC: { ...zeroDescriptor('VEC'), ...walk, count: 64, outCus: 8 },
};

const INSIDE =
  'op = add, table, mul, addTable: every window’s tap is valid: the first and last output row and column used read inside the input';
const ONE_SHIFT = 'op = add, addTable: shiftA or shiftB is 0; op = max: shiftB is 0; op = mul: shiftA is 0; both ≤ 23';

/** One breach each, with the rule it breaks. */
const BREACHES: readonly { readonly [K in UnitKind]: readonly [K, Partial<Descriptor<K>>, string] }[UnitKind][] = [
  ['LDM', { waitRead: 8 }, 'waitRead, waitWrite, signalRead and signalWrite name units of the machine only'],
  ['MAC', { signalWrite: 1 << 12 }, 'waitRead, waitWrite, signalRead and signalWrite name units of the machine only'],
  ['LDM', { rows: 0 }, 'rows ≥ 1 and words ≥ 1'],
  ['ST', { words: 0 }, 'rows ≥ 1 and words ≥ 1'],
  ['ST', { offset: 256 }, 'a ring (ring ≠ 0) fits the maps buffer, offset < ring, words ≤ ring, step ≤ ring if rows > 1'],
  ['LDM', { words: 65537 }, 'words fits the maps buffer'],
  ['LDM', { cus: 0 }, 'cus names at least one CU, and CUs of the machine only'],
  ['LDM', { cus: 16 }, 'cus names at least one CU, and CUs of the machine only'],
  ['LDM', { space: 1, base: 16 }, 'space = table: ring = 0, and offset + base + (rows − 1)·step + words ≤ 1024'],
  [
    'LDM',
    { space: 1, dramAddress: 8 },
    'space = table: runs begin at lines: dramAddress and base + offset, if rows > 1 also dramStep and step, are multiples of 16',
  ],
  ['LDW', { dramAddress: 8 }, 'dramAddress is a multiple of 16'],
  ['LDW', { images: 0 }, 'lines ≥ 1 and images ≥ 1'],
  ['LDW', { lines: 1025 }, 'line is in the weights buffer and lines fits it'],
  ['LDW', { firstImage: 1 }, 'cusPerSlot ≥ 1, and the CUs of the last slot, (slot + 1)·cusPerSlot, exist'],
  ['LDW', { images: 4, cusPerSlot: 5 }, 'cusPerSlot ≥ 1, and the CUs of the last slot, (slot + 1)·cusPerSlot, exist'],
  ['ST', { cu: 4 }, 'cu is a CU of the machine'],
  ['MAC', { count: 0 }, 'words, kernelH, kernelW, strideH, strideW, dilationH, dilationW, inHeight, inWidth, outWidth and count ≥ 1'],
  ['VEC', { x0: 8 }, 'x0 < outWidth'],
  [
    'MAC',
    { srcRing: 64, kRowStep: 65 },
    'a source ring (srcRing ≠ 0) fits the maps buffer, srcOffset < srcRing, rowStep ≤ srcRing if there are several output rows, kRowStep ≤ srcRing if kernelH > 1',
  ],
  [
    'MAC',
    { srcRing: 64, kernelH: 4, kRowStep: 22 },
    'the kernel rows lie in one turn of a source ring: (kernelH − 1)·kRowStep ≤ srcRing if srcRing ≠ 0',
  ],
  [
    'VEC',
    { strideW: 255, outWidth: 259 },
    'the last output row and column begin within 65535 of the first: (rows − 1)·strideH and (outWidth − 1)·strideW ≤ 65535',
  ],
  [
    'MAC',
    { outRing: 65537 },
    'an output ring (outRing ≠ 0) fits the maps buffer, outOffset < outRing, outRowStep ≤ outRing if there are several output rows',
  ],
  ['VEC', { outCus: 16 }, 'outCus names at least one CU, and CUs of the machine only'],
  ['MAC', { clampLow: 1 }, 'clampLow ≤ clampHigh'],
  ['MAC', { lanes: 3 }, 'lanes is 1, 2, 4, 8 or 16'],
  ['MAC', { outWords: 5 }, 'outWords is 1 to 64 / lanes'],
  ['MAC', { depthwise: 1 }, 'depthwise: lanes = 1 and outWords ≤ words ≤ 64'],
  ['MAC', { kernelH: 342 }, 'weightsLine is in the weights buffer; parameter and tap lines of a group fit it'],
  ['VEC', { op: 1, kernelH: 1 }, 'op = add, table, mul, addTable: the kernel is 1×1'],
  ['VEC', { op: 5, kernelH: 1, kernelW: 1 }, 'op is one of the five'],
  [
    'VEC',
    { op: 1, kernelH: 1, kernelW: 1, src2Ring: 8, src2Offset: 8 },
    'op = add, mul, addTable: a ring of source 2 (src2Ring ≠ 0) fits the maps buffer, src2Offset < src2Ring, src2RowStep ≤ src2Ring if there are several rows',
  ],
  ['VEC', { op: 2, kernelH: 1, kernelW: 1, iy0: -1 }, INSIDE],
  ['VEC', { op: 3, kernelH: 1, kernelW: 1, ix0: -1 }, INSIDE],
  ['VEC', { op: 1, kernelH: 1, kernelW: 1, iy0: 0, ix0: 0, count: 4, outWidth: 4, x0: 0, inWidth: 3 }, INSIDE],
  ['VEC', { op: 1, kernelH: 1, kernelW: 1, iy0: 0, ix0: 0, count: 5, outWidth: 4, x0: 0, inWidth: 4, inHeight: 1 }, INSIDE],
  ['VEC', { op: 1, kernelH: 1, kernelW: 1, shiftA: 24 }, ONE_SHIFT],
  ['VEC', { op: 1, kernelH: 1, kernelW: 1, shiftB: 24 }, ONE_SHIFT],
  ['VEC', { op: 1, kernelH: 1, kernelW: 1, shiftA: 1, shiftB: 1 }, ONE_SHIFT],
  ['VEC', { op: 3, kernelH: 1, kernelW: 1, shiftA: 1 }, ONE_SHIFT],
  ['VEC', { op: 4, kernelH: 1, kernelW: 1, shiftA: 1, shiftB: 1 }, ONE_SHIFT],
  ['VEC', { op: 4, kernelH: 1, kernelW: 1, shiftSum: 48 }, 'op = addTable: shiftSum ≤ 47'],
  ['VEC', { shiftA: 24 }, ONE_SHIFT],
  ['VEC', { shiftB: 1 }, ONE_SHIFT],
  ['VEC', { shiftOut: 48 }, 'shiftOut ≤ 47'],
];

describe('findDescriptorFault', () => {
  it.each(Object.keys(SOUND) as UnitKind[])('accepts a sound %s descriptor', (kind) => {
    expect(findDescriptorFault(kind, SOUND[kind] as Descriptor<UnitKind>, LIMITS)).toBeUndefined();
  });

  it.each(BREACHES)('%s %j', (kind, change, rule) => {
    expect(findDescriptorFault(kind, { ...SOUND[kind], ...change } as Descriptor<UnitKind>, LIMITS)).toBe(rule);
  });

  it('asks for valid taps only where the raster goes', () => {
    const add = { ...SOUND.VEC, op: 1, kernelH: 1, kernelW: 1, shiftA: 23 };
    expect(findDescriptorFault('VEC', add, LIMITS)).toBeUndefined();
    // One row from column 2 on: columns 0 and 1 would be outside.
    const row = { ...add, ix0: -2, x0: 2, count: 3 };
    expect(findDescriptorFault('VEC', row, LIMITS)).toBeUndefined();
    expect(findDescriptorFault('VEC', { ...row, count: 7 }, LIMITS)).toBe(INSIDE);
  });

  it('has a breach here for every rule', () => {
    expect(new Set(BREACHES.map(([, , rule]) => rule))).toEqual(new Set(describeRules().map(([, rule]) => rule)));
  });

  it('counts the lines of separate taps and of depthwise groups', () => {
    const mac = { ...SOUND.MAC, lanes: 8, outWords: 8, words: 20, tapStep: 24, kernelH: 11, kernelW: 31 };
    expect(findDescriptorFault('MAC', mac, LIMITS)).toBeUndefined(); // 1 + 341·3 = 1024
    expect(findDescriptorFault('MAC', { ...mac, words: 25 }, LIMITS)).toContain('fit it');
    const depthwise = { ...SOUND.MAC, lanes: 1, depthwise: 1, kernelH: 10, kernelW: 102 };
    expect(findDescriptorFault('MAC', depthwise, LIMITS)).toBeUndefined(); // 4 + 1020 = 1024
    expect(findDescriptorFault('MAC', { ...depthwise, kernelW: 103 }, LIMITS)).toContain('fit it');
  });
});

it('ignores steps that are never taken', () => {
  const st = { ...SOUND.ST, step: 300 };
  expect(findDescriptorFault('ST', st, LIMITS)).toContain('step ≤ ring');
  expect(findDescriptorFault('ST', { ...st, rows: 1 }, LIMITS)).toBeUndefined();
  const mac = { ...SOUND.MAC, srcRing: 64, rowStep: 65, kRowStep: 32 };
  expect(findDescriptorFault('MAC', mac, LIMITS)).toContain('rowStep ≤ srcRing');
  expect(findDescriptorFault('MAC', { ...mac, count: 8 }, LIMITS)).toBeUndefined();
  expect(findDescriptorFault('MAC', { ...mac, count: 8, x0: 1 }, LIMITS)).toContain('rowStep ≤ srcRing');
});

it('findTraceFault names the instruction, unit, rule and fields', () => {
  const words = assemble('SETI ST.words, 4\nGO ST\nEND');
  expect(findTraceFault(traceCore(words), words, LIMITS)).toBe(
    "instruction 1 (GO ST): descriptor for ST breaks the rule 'rows ≥ 1 and words ≥ 1'; its fields: words 4, others 0",
  );
  expect(findTraceFault(traceCore(assemble('END')), assemble('END'), LIMITS)).toBeUndefined();
});
