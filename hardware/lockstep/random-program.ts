/**
 * Random legal programs for every unit, free of races: the same bits in every timing, so that simulator and RTL can be compared to the last word.
 * Specification: docs/isa.md, section 5 (what is legal), docs/microarchitecture.md, sections 3 to 6.
 *
 * All buffers in use are filled first. Every step works on words inside them; what a step must wait for follows from the hull of the words that it and earlier
 * steps touch; the compiler's token pass makes token masks of that. At the end the maps of every CU are stored, so that all results count.
 * What a program is drawn from is in random/.
 */
import { assignTokens } from '../../src/compiler/backend/tasks/sync.ts';
import type { Task } from '../../src/compiler/backend/tasks/task.ts';
import type { Descriptor, UnitKind } from '../../src/isa/fields.ts';
import { InstructionWriter } from '../../src/isa/instruction-writer.ts';
import { LINE_WORDS, type Machine } from '../../src/machine/machine.ts';
import type { Program, SourceSpan } from '../../src/program/program.ts';
import { addMac, addVec } from './random/mac-vec.ts';
import { addLoad, addStore, DRAM_DATA_WORDS, fillBuffers, storeMaps } from './random/maps-transfers.ts';
import { ProgramBuilder } from './random/program-builder.ts';
import { addIdleWeights } from './random/weights-load.ts';
import { scrambleControl } from './scramble-control.ts';

export interface RandomProgramOptions {
  readonly seed: number;
  readonly machine: Machine;
  /** Steps besides filling and storing; default 3 to 24 by seed. */
  readonly steps?: number;
  /** Kinds of units that take part; default all. */
  readonly kinds?: readonly UnitKind[];
  /** Without random control code: one GO after the other. */
  readonly straight?: boolean;
  /** Numbers of tasks that are left out, to make a failing program small. What reads their results may become wrong. */
  readonly without?: ReadonlySet<number>;
}

/** A random program; the same seed and machine give the same one. */
export function randomProgram(options: RandomProgramOptions): Program {
  const b = new ProgramBuilder(options.seed, options.machine);
  const kinds = options.kinds ?? ['LDM', 'LDW', 'ST', 'MAC', 'MAC', 'VEC', 'VEC'];
  fillBuffers(b, kinds.includes('VEC'));
  const data = b.constants('data', b.randomWords(DRAM_DATA_WORDS));
  const stored = b.allocate(DRAM_DATA_WORDS, false);
  const steps = options.steps ?? b.draw(3, 24);
  for (let i = 0; i < steps; i++) {
    const kind = kinds[b.draw(0, kinds.length - 1)];
    if (kind === 'LDM') addLoad(b, data);
    else if (kind === 'ST') addStore(b, stored);
    else if (kind === 'LDW') addIdleWeights(b);
    else if (kind === 'VEC') addVec(b);
    else addMac(b);
  }
  storeMaps(b);
  return emit(b, options);
}

/** The program of the tasks that are kept, with tokens and, by chance, random control code. */
function emit(b: ProgramBuilder, { seed, machine, straight, without }: RandomProgramOptions): Program {
  const isKept = (task: Task): boolean => without?.has(task.index) !== true;
  const tasks = b.tasks.filter(isKept);
  for (const task of tasks) task.after.splice(0, task.after.length, ...task.after.filter(({ task: earlier }) => isKept(earlier)));
  const tokens = assignTokens(tasks);
  const writer = new InstructionWriter();
  const ends: number[] = [];
  for (const [i, task] of tasks.entries()) {
    writer.go(task.unit, { ...task.descriptor, ...tokens[i] } as Descriptor<UnitKind>);
    ends.push(writer.length);
  }
  writer.end();
  const plain = writer.instructions();
  const code = straight === true || b.chance(30) ? undefined : scrambleControl(plain, b.random);
  const instructions = code?.instructions ?? plain;
  const indexOf = (index: number): number => (code === undefined ? index : code.indexOf[index - 1] + 1);
  const sourceMap: SourceSpan[] = ends.map((end, i) => ({
    first: i === 0 ? 0 : indexOf(ends[i - 1]),
    end: indexOf(end),
    layer: 0,
    tile: `${i}`,
  }));
  const codeAddress = Math.ceil(b.dramWords / LINE_WORDS + b.draw(0, 7)) * LINE_WORDS;
  const layer = { name: 'random', op: '', nodes: [], lanesPerOutput: 16, macs: 0, weightBytes: 0, schedule: '', predictedCycles: 0 };
  return {
    name: `random ${seed}`,
    machine,
    frames: 1,
    codeAddress,
    instructions,
    segments: b.segments,
    tensors: [],
    layers: [layer],
    sourceMap,
    dramWords: codeAddress + instructions.length * 2,
  };
}
