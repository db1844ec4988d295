/**
 * A descriptor that writes where it reads: right as long as no later step of it reads a word already overwritten, since results appear some cycles
 * after their operands were read. Specification: docs/microarchitecture.md, sections 4, 5 and 9 (T6, T13).
 */
import { hasSource2 } from '../../isa/fields.ts';
import { LINE_WORDS } from '../../machine/machine.ts';
import type { DispatchOf } from '../dispatch.ts';
import { outputAddress, rowColumns, rowCount, tapAddress, validColumns, validRows } from '../walker.ts';
import { source2Address } from './vec.ts';

/** Visits (address, index of the step) of each word; a MAC step is a window, a VEC step a chunk of 16 channels of one pixel. */
type Visit = (address: number, step: number) => void;

/** The first word that a step writes and a later step reads; undefined when there is none. */
export function findInPlaceHazard(dispatch: DispatchOf<'MAC'> | DispatchOf<'VEC'>, bufferWords: number): number | undefined {
  const lastRead = new Int32Array(bufferWords).fill(-1);
  forEachRead(dispatch, bufferWords, (address, step) => {
    if (step > lastRead[address]) lastRead[address] = step;
  });
  let hazard: number | undefined;
  forEachWrite(dispatch, bufferWords, (address, step) => {
    if (hazard === undefined && lastRead[address] > step) hazard = address;
  });
  return hazard;
}

function stepsPerPixel({ kind, descriptor }: DispatchOf<'MAC'> | DispatchOf<'VEC'>): number {
  return kind === 'VEC' ? Math.ceil(descriptor.words / LINE_WORDS) : 1;
}

function forEachRead(dispatch: DispatchOf<'MAC'> | DispatchOf<'VEC'>, bufferWords: number, visit: Visit): void {
  const { kind, descriptor: d } = dispatch;
  const steps = stepsPerPixel(dispatch);
  const visitWords = (address: number, pixel: number): void => {
    for (let c = 0; c < d.words; c++) visit((address + c) % bufferWords, pixel * steps + (kind === 'VEC' ? c >> 4 : 0));
  };
  forEachPixel(dispatch, (y, x, pixel) => {
    const [rows, columns] = [validRows(d, y), validColumns(d, x)];
    for (let ky = rows.first; ky < rows.end; ky++) {
      for (let kx = columns.first; kx < columns.end; kx++) visitWords(tapAddress(d, y, x, ky, kx, bufferWords), pixel);
    }
    if (kind === 'VEC' && hasSource2(d.op)) visitWords(source2Address(d, y, x), pixel);
  });
}

function forEachWrite(dispatch: DispatchOf<'MAC'> | DispatchOf<'VEC'>, bufferWords: number, visit: Visit): void {
  const { kind, descriptor: d } = dispatch;
  const steps = stepsPerPixel(dispatch);
  const words = kind === 'VEC' ? d.words : d.outWords;
  forEachPixel(dispatch, (y, x, pixel) => {
    const address = outputAddress(d, y, x, bufferWords);
    for (let c = 0; c < words; c++) visit((address + c) % bufferWords, pixel * steps + (kind === 'VEC' ? c >> 4 : 0));
  });
}

function forEachPixel(
  { descriptor: d }: DispatchOf<'MAC'> | DispatchOf<'VEC'>,
  visit: (y: number, x: number, pixel: number) => void,
): void {
  let pixel = 0;
  for (let y = 0; y < rowCount(d); y++) {
    const { first, end } = rowColumns(d, y);
    for (let x = first; x < end; x++) visit(y, x, pixel++);
  }
}
