/**
 * Program order: loads move up to where their data may be overwritten, so that transfers run under the computation before them.
 * Requires tasks in natural order (every dependence points backwards). Guarantees the same, and that tasks of one unit keep their order.
 * A load is placed at most `prefetch` loads of its unit ahead of the first use of a load, so that the control core never blocks on a full load
 * queue while computation behind it could be dispatched. Specification: docs/compiler.md, "Order".
 */
import { UNIT_ID } from '../../../isa/fields.ts';
import type { Task } from './task.ts';

export function orderTasks(tasks: readonly Task[], prefetch: number): Task[] {
  const firstUse = new Array<number>(tasks.length).fill(Number.POSITIVE_INFINITY);
  for (const task of tasks) {
    for (const { task: earlier } of task.after) {
      if (isLoad(earlier)) firstUse[earlier.index] = Math.min(firstUse[earlier.index]!, task.index);
    }
  }
  // Sort key: natural index for everything but loads; a load's key is that of the task it must follow.
  const key = new Float64Array(tasks.length);
  const placed = new Map<number, Task[]>();
  for (const task of tasks) {
    key[task.index] = task.index;
    if (!isLoad(task)) continue;
    const own = placed.get(task.unit) ?? [];
    placed.set(task.unit, own);
    let earliest = -1;
    for (const { task: earlier } of task.after) earliest = Math.max(earliest, key[earlier.index]!);
    const previous = own.at(-1);
    if (previous) earliest = Math.max(earliest, key[previous.index]!);
    const far = own.length >= prefetch ? own[own.length - prefetch] : undefined;
    if (far && Number.isFinite(firstUse[far.index])) earliest = Math.max(earliest, firstUse[far.index]!);
    key[task.index] = Math.min(earliest, task.index);
    own.push(task);
  }
  const order = tasks.map((task) => task.index);
  // Equal keys: the task that owns the key (or an earlier load) first, then natural order.
  order.sort((a, b) => key[a]! - key[b]! || rank(tasks[a]!, key) - rank(tasks[b]!, key) || a - b);
  return order.map((index) => tasks[index]!);
}

function rank(task: Task, key: Float64Array): number {
  return key[task.index] === task.index && !isLoad(task) ? 0 : 1;
}

function isLoad(task: Task): boolean {
  return task.unit === UNIT_ID.LDM || task.unit === UNIT_ID.LDW;
}
