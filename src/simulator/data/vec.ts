/** The vector unit, one descriptor at once. Specification: docs/microarchitecture.md, section 5, and docs/numbers.md. Twins: sf_vec_data.sv, sf_vec_lane.sv. */
import { VEC_OPS, type VecDescriptor } from '../../isa/fields.ts';
import {
  outputAddress,
  rowColumns,
  rowCount,
  sourceColumnOffset,
  sourceRowOffset,
  tapAddress,
  validColumns,
  validRows,
  wrapRing,
} from '../walker.ts';
import { clampResult, half, shiftRight } from './arithmetic.ts';
import { cusOf, type MachineState } from './state.ts';

/** Word address of source 2 (add, mul, addTable) of pixel (y, x), not yet modulo the buffer size. */
export function source2Address(d: VecDescriptor, y: number, x: number): number {
  return d.src2Base + wrapRing(d.src2Offset + y * d.src2RowStep, d.src2Ring) + x * d.src2ColStep;
}

/** Executes a descriptor on CU `cu`. */
export function executeVec(state: MachineState, cu: number, d: VecDescriptor): void {
  const pixel = pixelFunction(state, cu, d);
  const targets = cusOf(d.outCus, state.machine.computeUnits).map((target) => state.maps[target]);
  const mask = state.mapsWords - 1;
  const result = new Int16Array(d.words);
  for (let y = 0; y < rowCount(d); y++) {
    const columns = rowColumns(d, y);
    for (let x = columns.first; x < columns.end; x++) {
      pixel(y, x, result);
      const address = outputAddress(d, y, x, state.mapsWords);
      for (const maps of targets) {
        for (let c = 0; c < d.words; c++) maps[(address + c) & mask] = result[c];
      }
    }
  }
}

/** Computes the words of one output pixel. */
type Pixel = (y: number, x: number, result: Int16Array) => void;

function pixelFunction(state: MachineState, cu: number, d: VecDescriptor): Pixel {
  switch (d.op) {
    case VEC_OPS.max:
      return maxPixel(state.maps[cu], d);
    case VEC_OPS.add:
      return addPixel(state.maps[cu], d);
    case VEC_OPS.table:
      return tablePixel(state.maps[cu], state.tables[cu], d);
    case VEC_OPS.mul:
      return mulPixel(state.maps[cu], d);
    case VEC_OPS.addTable:
      return addTablePixel(state.maps[cu], state.tables[cu], d);
    default:
      throw new Error(`vector operation ${d.op}`);
  }
}

function maxPixel(maps: Int16Array, d: VecDescriptor): Pixel {
  const mask = maps.length - 1;
  const [factor, rounding] = [2 ** d.shiftA, half(d.shiftOut)];
  return (y, x, result) => {
    const rows = validRows(d, y);
    const columns = validColumns(d, x);
    result.fill(-32768);
    for (let ky = rows.first; ky < rows.end; ky++) {
      const row = d.srcBase + sourceRowOffset(d, y, ky);
      for (let kx = columns.first; kx < columns.end; kx++) {
        const address = row + sourceColumnOffset(d, x, kx);
        for (let c = 0; c < d.words; c++) {
          const word = maps[(address + c) & mask];
          if (word > result[c]) result[c] = word;
        }
      }
    }
    for (let c = 0; c < d.words; c++)
      result[c] = clampResult(shiftRight(result[c] * factor + rounding, d.shiftOut), d.clampLow, d.clampHigh);
  };
}

function addPixel(maps: Int16Array, d: VecDescriptor): Pixel {
  const mask = maps.length - 1;
  const [factorA, factorB, rounding] = [2 ** d.shiftA, 2 ** d.shiftB, half(d.shiftOut)];
  return (y, x, result) => {
    const a = tapAddress(d, y, x, 0, 0, maps.length);
    const b = source2Address(d, y, x);
    for (let c = 0; c < d.words; c++) {
      const sum = maps[(a + c) & mask] * factorA + maps[(b + c) & mask] * factorB + rounding;
      result[c] = clampResult(shiftRight(sum, d.shiftOut), d.clampLow, d.clampHigh);
    }
  };
}

function mulPixel(maps: Int16Array, d: VecDescriptor): Pixel {
  const mask = maps.length - 1;
  const rounding = half(d.shiftOut);
  // The factor is b, or what b lacks to a power of two: 0 + b, 2^shiftB − b.
  const [whole, sign] = d.shiftB > 0 ? [2 ** d.shiftB, -1] : [0, 1];
  return (y, x, result) => {
    const a = tapAddress(d, y, x, 0, 0, maps.length);
    const b = source2Address(d, y, x);
    for (let c = 0; c < d.words; c++) {
      const product = maps[(a + c) & mask] * (whole + sign * maps[(b + c) & mask]) + rounding;
      result[c] = clampResult(shiftRight(product, d.shiftOut), d.clampLow, d.clampHigh);
    }
  };
}

/** A word's look-up: its value between two entries, not yet clamped. */
function lookUp(table: Int16Array, word: number, shiftOut: number): number {
  const entry = ((word + 32768) >> 8) * 4;
  const base = (table[entry] & 0xffff) | (table[entry + 1] << 16);
  return shiftRight(base + table[entry + 2] * (word & 255) + half(shiftOut), shiftOut);
}

function tablePixel(maps: Int16Array, table: Int16Array, d: VecDescriptor): Pixel {
  const mask = maps.length - 1;
  return (y, x, result) => {
    const source = tapAddress(d, y, x, 0, 0, maps.length);
    for (let c = 0; c < d.words; c++)
      result[c] = clampResult(lookUp(table, maps[(source + c) & mask], d.shiftOut), d.clampLow, d.clampHigh);
  };
}

/** The sum as `add` would write it, not clamped, then its look-up. */
function addTablePixel(maps: Int16Array, table: Int16Array, d: VecDescriptor): Pixel {
  const add = addPixel(maps, { ...d, shiftOut: d.shiftSum, clampLow: -32768, clampHigh: 32767 });
  return (y, x, result) => {
    add(y, x, result);
    for (let c = 0; c < d.words; c++) result[c] = clampResult(lookUp(table, result[c], d.shiftOut), d.clampLow, d.clampHigh);
  };
}
