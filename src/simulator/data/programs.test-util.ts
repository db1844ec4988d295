/** Tiny programs for the data engine's tests: dispatches given by the fields that matter, constants as segments. */
import { UNIT_ID, type UnitKind, unitOf } from '../../isa/fields.ts';
import { type Machine, XC7Z045 } from '../../machine/machine.ts';
import type { Program, Segment } from '../../program/program.ts';
import type { Random } from '../../util/random.ts';
import { makeDescriptor } from '../descriptors.test-util.ts';
import type { Dispatch } from '../dispatch.ts';

/** A small machine: 2 CUs, 8 KB of maps (4096 words), 2 KB of weights (64 lines). */
export const SMALL: Machine = { ...XC7Z045, name: 'small', computeUnits: 2, mapsBytes: 8192, weightsBytes: 2048 };

/** One step of a program: unit id and fields. */
export type Step = readonly [unit: number, fields: Readonly<Record<string, number>>];

/** Dispatches of the steps in their order, ten instructions apart; results go to the own CU unless fields say otherwise. */
export function makeDispatches(steps: readonly Step[]): Dispatch[] {
  return steps.map(([unitId, fields], i) => {
    const unit = unitOf(unitId);
    if (unit === undefined) throw new Error(`no unit ${unitId}`);
    const own = unit.cu >= 0 ? { outCus: 1 << unit.cu } : {};
    const descriptor = makeDescriptor<UnitKind>(unit.kind, { ...own, ...fields });
    return { unitId, ...unit, descriptor, instructionIndex: 10 * i, runs: [] } as unknown as Dispatch;
  });
}

/** A program without code: the dispatches are given apart. */
export function makeProgram(segments: readonly Omit<Segment, 'name'>[], dramWords = 4096, machine: Machine = SMALL): Program {
  return {
    name: 'test',
    machine,
    frames: 1,
    codeAddress: 0,
    instructions: new Uint32Array(0),
    segments: segments.map((segment, i) => ({ name: `constant ${i}`, ...segment })),
    tensors: [],
    layers: [],
    sourceMap: [],
    dramWords,
  };
}

export const { LDM, LDW, ST } = UNIT_ID;
export const [MAC0, VEC0, MAC1, VEC1] = [UNIT_ID.mac(0), UNIT_ID.vec(0), UNIT_ID.mac(1), UNIT_ID.vec(1)];

/** 1, 2, 3, … as words. */
export function countUp(length: number, first = 1): Int16Array {
  return Int16Array.from({ length }, (_, i) => first + i);
}

/** Words of the full 16-bit range, some of them extreme. */
export function randomWords(random: Random, length: number, extremes: boolean): Int16Array {
  return Int16Array.from({ length }, () => {
    if (extremes && random.integer(0, 3) > 0) return random.integer(0, 4) === 0 ? 32767 : -32768;
    return random.integer(-32768, 32767);
  });
}
