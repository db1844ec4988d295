/** Error messages of wrong programs: every finding names unit, instruction, layer and tile the same way. */
import { unitName } from '../../isa/field-codes.ts';
import type { Program, SourceSpan } from '../../program/program.ts';
import { JobError } from '../../util/errors.ts';
import type { Dispatch } from '../dispatch.ts';

/** Source span of an instruction; spans are sorted. */
function findSpan(spans: readonly SourceSpan[], instruction: number): SourceSpan | undefined {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle].end <= instruction) low = middle + 1;
    else high = middle;
  }
  const span = spans[low];
  return span !== undefined && span.first <= instruction ? span : undefined;
}

/** "MAC2 at instruction 123 (layer conv1, rows 0-8)". */
export function describeDispatch(program: Program, dispatch: Dispatch): string {
  const where = `${unitName(dispatch.unitId) ?? `unit ${dispatch.unitId}`} at instruction ${dispatch.instructionIndex}`;
  const span = findSpan(program.sourceMap, dispatch.instructionIndex);
  const layer = span === undefined ? undefined : program.layers[span.layer];
  if (span === undefined || layer === undefined) return where;
  return `${where} (layer ${layer.name}${span.tile === '' ? '' : `, ${span.tile}`})`;
}

/** A finding about one descriptor. */
export function findingError(program: Program, dispatch: Dispatch, problem: string): JobError {
  return new JobError(`${describeDispatch(program, dispatch)}: ${problem}`);
}

/** "words 16 to 31", or "word 16"; the end is exclusive. */
export function describeRange(what: string, start: number, end: number): string {
  return end - start === 1 ? `${what} ${start}` : `${what}s ${start} to ${end - 1}`;
}
