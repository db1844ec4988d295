/** Descriptors that would never end, or have nowhere to go: refused before the run. Specification: docs/microarchitecture.md, sections 3 to 6. */
import { unitName } from '../../isa/field-codes.ts';
import { UNIT_ID_COUNT, unitOf } from '../../isa/fields.ts';
import type { Machine } from '../../machine/machine.ts';
import { JobError } from '../../util/errors.ts';
import type { Dispatch } from '../dispatch.ts';

const LANES: readonly number[] = [1, 2, 4, 8, 16];

/** @throws JobError naming unit, instruction and field. */
export function checkDescriptor(dispatch: Dispatch, machine: Machine): void {
  const existing = (mask: number) => mask !== 0 && mask >> machine.computeUnits === 0;
  const { waitRead, waitWrite, signalRead, signalWrite } = dispatch.descriptor;
  const problem = findProblem(dispatch, existing) ?? findForeignUnit(waitRead | waitWrite | signalRead | signalWrite, machine);
  if (problem !== undefined) throw new JobError(`instruction ${dispatch.instructionIndex} (${unitName(dispatch.unitId)}): ${problem}`);
}

function findForeignUnit(mask: number, machine: Machine): string | undefined {
  for (let id = 0; id < UNIT_ID_COUNT; id++) {
    if ((mask & (1 << id)) === 0) continue;
    const unit = unitOf(id);
    if (unit === undefined || unit.cu >= machine.computeUnits)
      return `a token mask names unit ${unitName(id) ?? id}, which the machine lacks`;
  }
  return undefined;
}

function findProblem(dispatch: Dispatch, existing: (mask: number) => boolean): string | undefined {
  switch (dispatch.kind) {
    case 'LDM': {
      const d = dispatch.descriptor;
      if (d.rows === 0 || d.words === 0) return `rows ${d.rows} × words ${d.words} load nothing, expected at least 1 × 1`;
      return existing(d.cus) ? undefined : `cus is ${d.cus}, expected a mask of existing CUs`;
    }
    case 'LDW': {
      const d = dispatch.descriptor;
      if (d.images === 0 || d.lines === 0) return `images ${d.images} × lines ${d.lines} load nothing, expected at least 1 × 1`;
      return d.dramAddress % 16 === 0 ? undefined : `dramAddress is ${d.dramAddress}, expected a multiple of 16`;
    }
    case 'ST': {
      const d = dispatch.descriptor;
      if (d.rows === 0 || d.words === 0) return `rows ${d.rows} × words ${d.words} store nothing, expected at least 1 × 1`;
      return existing(1 << d.cu) ? undefined : `cu is ${d.cu}, which the machine lacks`;
    }
    case 'MAC': {
      const d = dispatch.descriptor;
      if (d.count === 0 || d.outWidth === 0) return `count ${d.count} and outWidth ${d.outWidth} make no pixel, expected at least 1`;
      if (!LANES.includes(d.lanes)) return `lanes is ${d.lanes}, expected 1, 2, 4, 8 or 16`;
      if (d.depthwise === 1 && d.lanes !== 1) return `lanes is ${d.lanes}, expected 1 in depthwise mode`;
      if (d.outWords === 0 || d.outWords > 64 / d.lanes)
        return `outWords is ${d.outWords}, expected 1 to ${64 / d.lanes} with ${d.lanes} lanes`;
      return existing(d.outCus) ? undefined : `outCus is ${d.outCus}, expected a mask of existing CUs`;
    }
    case 'VEC': {
      const d = dispatch.descriptor;
      if (d.count === 0 || d.outWidth === 0) return `count ${d.count} and outWidth ${d.outWidth} make no pixel, expected at least 1`;
      if (d.words === 0) return 'words is 0, expected at least 1';
      return existing(d.outCus) ? undefined : `outCus is ${d.outCus}, expected a mask of existing CUs`;
    }
  }
}
