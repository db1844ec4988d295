/**
 * What is wrong with a descriptor on its own, before any address is looked at: counts, modes, masks, sizes.
 * Specification: docs/microarchitecture.md, sections 2 to 6. Addresses are checked with the footprints (footprint.ts).
 */
import {
  LDM_SPACES,
  type LdmDescriptor,
  type LdwDescriptor,
  type MacDescriptor,
  type StDescriptor,
  UNIT_ID,
  UNIT_ID_COUNT,
  unitOf,
  VEC_OPS,
  type VecDescriptor,
} from '../../isa/fields.ts';
import { LINE_WORDS, type Machine, weightsLines } from '../../machine/machine.ts';
import type { Dispatch } from '../dispatch.ts';
import { groupLines, rowCount, type Walk } from '../walker.ts';

/** One rule: the message when it is broken, else undefined. */
type Problem = string | undefined;

/** The first problem of a dispatch, or undefined. Messages say what, found and expected. */
export function checkDescriptor(machine: Machine, dispatch: Dispatch): Problem {
  return checkUnits(machine, dispatch) ?? checkFields(machine, dispatch);
}

/** Bits of the units that the machine has. */
function unitMask(machine: Machine): number {
  let mask = 0;
  for (let id = 0; id < UNIT_ID_COUNT; id++) {
    const unit = unitOf(id);
    if (unit !== undefined && unit.cu < machine.computeUnits) mask |= 1 << id;
  }
  return mask;
}

function checkUnits(machine: Machine, { unitId, kind, cu, descriptor }: Dispatch): Problem {
  const expected = kind === 'MAC' ? UNIT_ID.mac(cu) : kind === 'VEC' ? UNIT_ID.vec(cu) : UNIT_ID[kind];
  if (unitId !== expected) return `unit ${unitId} is not ${kind} of compute unit ${cu}`;
  if (cu >= machine.computeUnits) return `the machine has ${machine.computeUnits} compute units, no ${kind}${cu}`;
  const units = unitMask(machine);
  for (const field of ['waitRead', 'waitWrite', 'signalRead', 'signalWrite'] as const) {
    if ((descriptor[field] & ~units) !== 0) return `${field} names units that the machine lacks (mask ${descriptor[field]})`;
  }
  return undefined;
}

function checkFields(machine: Machine, dispatch: Dispatch): Problem {
  switch (dispatch.kind) {
    case 'LDM':
      return checkLdm(machine, dispatch.descriptor);
    case 'LDW':
      return checkLdw(machine, dispatch.descriptor);
    case 'ST':
      return checkSt(machine, dispatch.descriptor);
    case 'MAC':
      return checkMac(machine, dispatch.descriptor);
    case 'VEC':
      return checkVec(machine, dispatch.descriptor);
  }
}

/** The first field that is 0 and must not be. */
function checkCounts<T extends Readonly<Record<string, number>>>(d: T, fields: readonly (keyof T & string)[]): Problem {
  const field = fields.find((name) => d[name] === 0);
  return field === undefined ? undefined : `${field} is 0, expected at least 1`;
}

function checkCuMask(machine: Machine, field: string, mask: number): Problem {
  if (mask === 0) return `${field} is 0: the results go nowhere`;
  if (mask >= 2 ** machine.computeUnits) return `${field} = ${mask} names compute units beyond the machine's ${machine.computeUnits}`;
  return undefined;
}

function checkRing(name: string, offset: number, ring: number): Problem {
  return ring > 0 && offset >= ring ? `${name} ring offset ${offset} is outside the ring of ${ring} words` : undefined;
}

/** The address generators subtract the ring size once: a step must not exceed it. */
function checkStep(field: string, step: number, ring: number, count: number): Problem {
  return ring > 0 && count > 1 && step > ring ? `${field} = ${step} exceeds the ring of ${ring} words` : undefined;
}

function checkLdm(machine: Machine, d: LdmDescriptor): Problem {
  return (
    checkCounts(d, ['rows', 'words']) ??
    checkCuMask(machine, 'cus', d.cus) ??
    checkRing('maps', d.offset, d.ring) ??
    checkStep('step', d.step, d.ring, d.rows) ??
    (d.space !== LDM_SPACES.maps && d.space !== LDM_SPACES.table ? `unknown space ${d.space}` : undefined)
  );
}

function checkLdw(machine: Machine, d: LdwDescriptor): Problem {
  const lines = weightsLines(machine);
  const lastCu = (Math.floor((d.firstImage + d.images - 1) / 4) + 1) * d.cusPerSlot;
  return (
    checkCounts(d, ['lines', 'images', 'cusPerSlot']) ??
    (d.dramAddress % LINE_WORDS !== 0 ? `DRAM address ${d.dramAddress} is not a multiple of ${LINE_WORDS} words` : undefined) ??
    (d.line >= lines || d.lines > lines
      ? `an image of ${d.lines} lines at line ${d.line} is outside the weights buffer of ${lines} lines`
      : undefined) ??
    (lastCu > machine.computeUnits
      ? `the images reach compute unit ${lastCu - 1}, the machine has ${machine.computeUnits} (${d.images} images from image ${d.firstImage}, ${d.cusPerSlot} compute units each)`
      : undefined)
  );
}

function checkSt(machine: Machine, d: StDescriptor): Problem {
  return (
    checkCounts(d, ['rows', 'words']) ??
    (d.cu >= machine.computeUnits ? `the machine has ${machine.computeUnits} compute units, no maps buffer ${d.cu}` : undefined) ??
    checkRing('maps', d.offset, d.ring) ??
    checkStep('step', d.step, d.ring, d.rows)
  );
}

function checkWalk(
  machine: Machine,
  d: Walk & { readonly outCus: number; readonly clampLow: number; readonly clampHigh: number },
): Problem {
  return (
    checkCounts(d, ['words', 'kernelH', 'kernelW', 'outWidth', 'count']) ??
    (d.x0 >= d.outWidth ? `x0 = ${d.x0} is outside the output row of ${d.outWidth} pixels` : undefined) ??
    checkCuMask(machine, 'outCus', d.outCus) ??
    checkRing('source', d.srcOffset, d.srcRing) ??
    checkRing('output', d.outOffset, d.outRing) ??
    checkStep('rowStep', d.rowStep, d.srcRing, rowCount(d)) ??
    checkStep('kRowStep', d.kRowStep, d.srcRing, d.kernelH) ??
    checkStep('outRowStep', d.outRowStep, d.outRing, rowCount(d)) ??
    (d.clampLow > d.clampHigh ? `clampLow ${d.clampLow} is above clampHigh ${d.clampHigh}` : undefined)
  );
}

function checkMac(machine: Machine, d: MacDescriptor): Problem {
  if (![1, 2, 4, 8, 16].includes(d.lanes)) return `lanes = ${d.lanes}, expected 1, 2, 4, 8 or 16`;
  const lines = weightsLines(machine);
  const outputs = 64 / d.lanes;
  return (
    checkCounts(d, ['outWords']) ??
    checkWalk(machine, d) ??
    (d.outWords > outputs ? `outWords = ${d.outWords}, but ${d.lanes} lanes per output make only ${outputs} results` : undefined) ??
    (d.depthwise === 1 && d.lanes !== 1 ? `depthwise needs lanes = 1, found ${d.lanes}` : undefined) ??
    (d.depthwise === 1 && d.words > 64 ? `depthwise takes at most 64 words per tap, found ${d.words}` : undefined) ??
    (d.weightsLine >= lines || groupLines(d) > lines
      ? `a group of ${groupLines(d)} lines at line ${d.weightsLine} is outside the weights buffer of ${lines} lines`
      : undefined)
  );
}

function checkVec(machine: Machine, d: VecDescriptor): Problem {
  if (!Object.values<number>(VEC_OPS).includes(d.op)) return `unknown vector operation ${d.op}`;
  return (
    checkWalk(machine, d) ??
    (d.op !== VEC_OPS.max && (d.kernelH !== 1 || d.kernelW !== 1)
      ? `add and table take one tap, found a kernel of ${d.kernelH}x${d.kernelW}`
      : undefined) ??
    (d.op === VEC_OPS.add ? checkRing('source 2', d.src2Offset, d.src2Ring) : undefined) ??
    (d.shiftOut > 47 ? `shiftOut = ${d.shiftOut}, expected at most 47` : undefined)
  );
}
