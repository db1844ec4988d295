/**
 * The MAC unit word by word: the arbiter of the SIMD kernel, and the path for addresses that wrap round the end of a maps buffer.
 * Specification: docs/microarchitecture.md, sections 3 and 4, literally. Twin: sf_mac.sv.
 */
import type { MacDescriptor } from '../../isa/fields.ts';
import { parameterWord } from '../../isa/parameter-lines.ts';
import { hasAdjacentTaps, paramLines, traceLines } from '../../isa/weights-group.ts';
import { LINE_WORDS } from '../../machine/machine.ts';
import { outputAddress, rowColumns, rowCount, tapAddress, traceSteps, validColumns, validRows } from '../walker.ts';
import { clampResult, shiftRight, wrap48 } from './arithmetic.ts';
import { cusOf, type MachineState } from './state.ts';

/** Executes a whole descriptor on CU `cu`. */
export function executeMacScalar(state: MachineState, cu: number, d: MacDescriptor): void {
  for (let y = 0; y < rowCount(d); y++) {
    const columns = rowColumns(d, y);
    executeMacPixels(state, cu, d, y, columns.first, columns.end);
  }
}

/** Executes output pixels [first, end) of row y. */
export function executeMacPixels(state: MachineState, cu: number, d: MacDescriptor, y: number, first: number, end: number): void {
  const targets = cusOf(d.outCus, state.machine.computeUnits);
  const results = new Int16Array(d.outWords);
  for (let x = first; x < end; x++) {
    for (let j = 0; j < d.outWords; j++) results[j] = computeOutput(state, cu, d, y, x, j);
    const address = outputAddress(d, y, x, state.mapsWords);
    for (const target of targets) {
      for (let j = 0; j < d.outWords; j++) state.maps[target][(address + j) % state.mapsWords] = results[j];
    }
  }
}

/** Result `output` (0 to 64/g − 1) of pixel (y, x). */
function computeOutput(state: MachineState, cu: number, d: MacDescriptor, y: number, x: number, output: number): number {
  const perVmac = 16 / d.lanes;
  const weights = state.weights[cu][Math.floor(output / perVmac)];
  const j = output % perVmac;
  const word = (line: number, lane: number): number => weights[((d.weightsLine + line) * LINE_WORDS + lane) % weights.length];
  const parameter = (i: number): number => word(0, parameterWord(d.lanes, j) + i);
  const bias = (parameter(0) & 0xffff) + (parameter(1) & 0xffff) * 2 ** 16 + parameter(2) * 2 ** 32;
  const shift = parameter(3) & 63;
  const sum = d.depthwise === 1 ? sumDepthwise(state, cu, d, y, x, output, word) : sumTraces(state, cu, d, y, x, j, word);
  return clampResult(shiftRight(wrap48(sum + bias), shift), d.clampLow, d.clampHigh);
}

function sumDepthwise(
  state: MachineState,
  cu: number,
  d: MacDescriptor,
  y: number,
  x: number,
  output: number,
  word: (line: number, lane: number) => number,
): number {
  const [rows, columns] = [validRows(d, y), validColumns(d, x)];
  let sum = 0;
  for (let ky = rows.first; ky < rows.end; ky++) {
    for (let kx = columns.first; kx < columns.end; kx++) {
      const address = tapAddress(d, y, x, ky, kx, state.mapsWords) + output;
      sum += state.maps[cu][address % state.mapsWords] * word(paramLines(d.lanes) + ky * d.kernelW + kx, output % 16);
    }
  }
  return sum;
}

function sumTraces(
  state: MachineState,
  cu: number,
  d: MacDescriptor,
  y: number,
  x: number,
  j: number,
  word: (line: number, lane: number) => number,
): number {
  const [rows, columns] = [validRows(d, y), validColumns(d, x)];
  const [g, lines] = [d.lanes, traceLines(d)];
  let sum = 0;
  /** Words [start, start + n) of a trace whose word 0 is at `address` and whose first line is `line`. */
  const addTrace = (address: number, line: number, start: number, n: number): void => {
    const firstStep = Math.floor(start / g);
    for (let s = firstStep; s < firstStep + traceSteps(start, n, g); s++) {
      for (let i = 0; i < g; i++) {
        const w = s * g + i;
        const operand = w >= start && w < start + n ? state.maps[cu][(address + w) % state.mapsWords] : 0;
        sum += operand * word(line + s, j * g + i);
      }
    }
  };
  for (let ky = rows.first; ky < rows.end; ky++) {
    if (hasAdjacentTaps(d)) {
      const line = paramLines(g) + ky * lines;
      addTrace(tapAddress(d, y, x, ky, 0, state.mapsWords), line, columns.first * d.words, (columns.end - columns.first) * d.words);
    } else {
      for (let kx = columns.first; kx < columns.end; kx++) {
        addTrace(tapAddress(d, y, x, ky, kx, state.mapsWords), paramLines(g) + (ky * d.kernelW + kx) * lines, 0, d.words);
      }
    }
  }
  return sum;
}
