/** Descriptors and token masks for the tests of both engines, given by the fields that matter. */
import { zeroDescriptor } from '../isa/field-codes.ts';
import type { Descriptor, FieldName, UnitKind } from '../isa/fields.ts';

type Fields<K extends UnitKind> = Partial<Record<FieldName<K>, number>>;

/** One pixel, 1×1 kernel, 16 words. */
const WINDOW: Fields<'MAC'> & Fields<'VEC'> = {
  words: 16,
  tapStep: 16,
  kernelH: 1,
  kernelW: 1,
  strideH: 1,
  strideW: 1,
  dilationH: 1,
  dilationW: 1,
  inHeight: 1 << 15,
  inWidth: 1 << 15,
  outWidth: 1,
  count: 1,
  clampLow: -32768,
  clampHigh: 32767,
};

const DEFAULTS: { readonly [K in UnitKind]: Fields<K> } = {
  LDM: { rows: 1, words: 16, cus: 1 },
  LDW: { lines: 1, images: 1, cusPerSlot: 1 },
  ST: { rows: 1, words: 16 },
  MAC: { ...WINDOW, lanes: 16, outWords: 4 },
  VEC: WINDOW,
};

/** A descriptor: defaults (one pixel, one line, one run of 16 words; results go nowhere) and the fields given. */
export function makeDescriptor<K extends UnitKind>(kind: K, fields: Fields<K>): Descriptor<K> {
  return { ...zeroDescriptor(kind), ...DEFAULTS[kind], ...fields };
}

/** The mask of these unit ids. */
export function bits(...units: number[]): number {
  return units.reduce((mask, unit) => mask | (1 << unit), 0);
}
