/** What to say when nothing can ever happen but descriptors remain: who waits for what. */
import { unitName } from '../../isa/field-codes.ts';
import { JobError } from '../../util/errors.ts';
import type { Control } from './control.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import type { UnitQueue } from './queue.ts';
import type { Tokens } from './tokens.ts';

/** The error that names cycle, blocked units, their head instructions and missing tokens, and the core's full queue. */
export function describeDeadlock(
  cycle: number,
  queues: readonly (UnitQueue | undefined)[],
  control: Control,
  table: DescriptorTable,
  tokens: Tokens,
): JobError {
  const blocked: string[] = [];
  for (const queue of queues) {
    if (queue === undefined || queue.head < 0) continue;
    blocked.push(
      `${unitName(queue.unitId)} waits at instruction ${table.instruction[queue.head]} for ${tokens.describeMissing(queue.head)}`,
    );
  }
  if (control.stalledInstruction >= 0) {
    blocked.push(
      `the control core waits at instruction ${control.stalledInstruction} for room in the queue of ${unitName(control.stalledOn)}`,
    );
  }
  return new JobError(`deadlock at cycle ${cycle}: ${blocked.join('; ')}`);
}
