/** Compiled programs keep the descriptor rules, and survive the program file and the listing unchanged. */
import { expect, it } from 'vitest';
import { compileGraph } from '../src/compiler/backend/compile-graph.ts';
import { assemble } from '../src/isa/assemble.ts';
import { traceCore } from '../src/isa/core.ts';
import { findTraceFault } from '../src/isa/descriptor-rules.ts';
import { mapsWords, weightsLines, XC7Z045 } from '../src/machine/machine.ts';
import { parseMachine } from '../src/machine/parse-machine.ts';
import { annotateDisassembly } from '../src/program/annotate-disassembly.ts';
import { readProgram, writeProgram } from '../src/program/program-file.ts';
import { randomGraph } from './random-layers.ts';

const MACHINES = [
  XC7Z045,
  parseMachine({ extends: 'xc7z045', name: 'one', computeUnits: 1 }, 'one'),
  parseMachine({ extends: 'xc7z045', name: 'eight', computeUnits: 8, mapsBytes: 1 << 20 }, 'eight'),
];

it.each(MACHINES)('$name', (machine) => {
  for (let seed = 1; seed <= 6; seed++) {
    const program = compileGraph(randomGraph(seed), machine);
    const limits = { computeUnits: machine.computeUnits, mapsWords: mapsWords(machine), weightsLines: weightsLines(machine) };
    const trace = traceCore(program.instructions, { computeUnits: machine.computeUnits, maxSteps: 0 });
    expect(findTraceFault(trace, program.instructions, limits), `seed ${seed}`).toBeUndefined();
    const bytes = writeProgram(program);
    const again = readProgram(bytes, 'program');
    // Buffer.equals: comparing large typed arrays by matcher takes a second.
    expect(Buffer.from(bytes).equals(writeProgram(again)), `seed ${seed}`).toBe(true);
    expect(assemble(annotateDisassembly(again)), `seed ${seed}`).toEqual(program.instructions);
  }
});
