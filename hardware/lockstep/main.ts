/**
 * `npm run lockstep -- …`: simulator against RTL, to the bit and the cycle. Documentation: hardware/README.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { compileGraph } from '../../src/compiler/backend/compile-graph.ts';
import { LayerRefusal } from '../../src/compiler/layer-refusal.ts';
import type { IntegerGraph } from '../../src/graph/integer-graph.ts';
import { type Machine, PRESETS } from '../../src/machine/machine.ts';
import { annotateDisassembly } from '../../src/program/annotate-disassembly.ts';
import type { Program } from '../../src/program/program.ts';
import { isProgramFile, readProgram, writeProgram } from '../../src/program/program-file.ts';
import { renderTable } from '../../src/report/table.ts';
import { SCOPES, type Scope } from '../../src/runtime/compile-model.ts';
import { readInputFile } from '../../src/runtime/files.ts';
import { loadMachine } from '../../src/runtime/load-model.ts';
import { packInputs } from '../../src/runtime/machine-device.ts';
import { buildModel } from '../../src/runtime/rtl-model.ts';
import { InputError, JobError } from '../../src/util/errors.ts';
import { LARGE, randomGraph, randomInputs, SMALL } from '../../test/random-layers.ts';
import { OPERATOR_GROUPS } from '../../test/random-operators.ts';
import { directedFaults, randomFault, runFault } from './faults.ts';
import { type LockstepOptions, type LockstepResult, runLockstep } from './lockstep.ts';
import { openNetwork, runNetwork } from './network.ts';
import { type OperatorTally, runOperator } from './operators.ts';
import { type RandomProgramOptions, randomProgram } from './random-program.ts';
import { shrinkProgram } from './shrink.ts';
import { buildTrainedModel } from './trained-model.ts';

interface CommonOptions {
  readonly machine: string;
  readonly stress?: number;
  readonly wave?: string;
  /** First and last cycle of the waveform. */
  readonly waveCycles?: readonly [number, number];
}

/** Cycles of a waveform before and after the first difference. */
const WAVE_BEFORE = 400;
const WAVE_AFTER = 100;
const SHOWN_DIFFERENCES = 5;
const FAILURES = path.join('out', 'rtl', 'failures');

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number.');
  return Number(text);
}

function cycleRange(text: string): [number, number] {
  const found = /^(\d+):(\d+)$/.exec(text);
  const [from, to] = [Number(found?.[1]), Number(found?.[2])];
  if (!(from <= to)) throw new InvalidArgumentError('expected first:last cycle, such as 1000:2000.');
  return [from, to];
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints the first differences and keeps the program; writes a waveform around the first one on request. Returns whether all was equal. */
function report(name: string, program: Program, result: LockstepResult, options: CommonOptions, lockstep: LockstepOptions): boolean {
  const { cycles, descriptors, differences, firstCycle } = result;
  if (differences.length === 0) {
    say(
      `${name}: equal (${descriptors} descriptors, ${cycles} cycles${options.stress === undefined ? '' : `; under stress ${result.rtl.ran}`})`,
    );
    if (options.waveCycles) writeWave(program, options, lockstep, options.waveCycles);
    return true;
  }
  say(`${name}: ${differences.length} differences`);
  for (const text of differences.slice(0, SHOWN_DIFFERENCES)) say(`  ${text}`);
  mkdirSync(FAILURES, { recursive: true });
  const file = path.join(FAILURES, `${name.replaceAll(/[^\w-]+/g, '-')}.sfp`);
  writeFileSync(file, writeProgram(program));
  say(`  program: ${file} (again: npm run lockstep -- program ${file})`);
  const at = firstCycle ?? cycles;
  writeWave(program, options, lockstep, options.waveCycles ?? [Math.max(0, at - WAVE_BEFORE), at + WAVE_AFTER]);
  return false;
}

function writeWave(
  program: Program,
  { wave: file }: CommonOptions,
  lockstep: LockstepOptions,
  [from, to]: readonly [number, number],
): void {
  if (file === undefined) return;
  runLockstep(buildModel(program.machine, { waves: true }), program, { ...lockstep, wave: { file, from, to } });
  say(`  waveform: ${file}, cycles ${from} to ${to}`);
}

interface RandomOptions extends CommonOptions {
  readonly number: number;
  readonly seed: number;
  readonly shrink: boolean;
}

function runRandom(options: RandomOptions): boolean {
  const machine = loadMachine(options.machine);
  const model = buildModel(machine);
  let cycles = 0;
  say(`random programs ${options.seed} to ${options.seed + options.number - 1}`);
  for (let seed = options.seed; seed < options.seed + options.number; seed++) {
    const lockstep = { stress: options.stress };
    const choice: RandomProgramOptions = { seed, machine };
    const program = randomProgram(choice);
    const result = runLockstep(model, program, lockstep);
    cycles += result.cycles;
    if (result.differences.length === 0) continue;
    if (!options.shrink) return report(program.name, program, result, options, lockstep);
    const small = shrinkProgram(model, choice, lockstep);
    report(`${program.name}, made small`, small, runLockstep(model, small, lockstep), options, lockstep);
    say(annotateDisassembly(small));
    return false;
  }
  say(`${options.number} random programs equal, ${cycles} cycles`);
  return true;
}

/**
 * The program; undefined where a layer is too large for the machine. Long reductions of models are split before they are quantized (docs/compiler.md,
 * "Split reductions"); these graphs are integers from the start, so on machines with small buffers some are refused.
 */
function compileLayers(graph: IntegerGraph, machine: Machine): Program | undefined {
  try {
    return compileGraph(graph, machine);
  } catch (error) {
    if (!(error instanceof LayerRefusal) || Object.values(PRESETS).includes(machine)) throw error;
    return undefined;
  }
}

function runLayers(options: RandomOptions & { readonly large?: boolean }): boolean {
  const machine = loadMachine(options.machine);
  const model = buildModel(machine);
  let [cycles, layers] = [0, 0];
  const refused: number[] = [];
  say(`random networks ${options.seed} to ${options.seed + options.number - 1}`);
  for (let seed = options.seed; seed < options.seed + options.number; seed++) {
    const graph = randomGraph(seed, options.large ? LARGE : SMALL);
    const program = compileLayers(graph, machine);
    if (program === undefined) {
      refused.push(seed);
      continue;
    }
    const lockstep = { stress: options.stress, inputs: packInputs(program, [randomInputs(graph, seed)]) };
    const result = runLockstep(model, program, lockstep);
    cycles += result.cycles;
    layers += graph.layers.length;
    if (result.differences.length > 0) return report(`random network ${seed}`, program, result, options, lockstep);
  }
  say(`${options.number - refused.length} random networks equal, ${layers} layers, ${cycles} cycles`);
  if (refused.length > 0) say(`${refused.length} refused, with layers that the machine can't hold: seeds ${refused.join(', ')}`);
  return true;
}

interface OperatorCommand extends RandomOptions {
  readonly only?: readonly string[];
  readonly rtl: boolean;
  readonly large?: boolean;
  readonly frames: number;
  readonly refused?: boolean;
}

/** Groups of operators whose name or one of whose operators is asked for; all without `only`. @throws InputError for a name that finds none */
function chooseGroups(only: readonly string[] | undefined): string[] {
  const names = [...OPERATOR_GROUPS.keys()];
  const finds = (wanted: string, name: string): boolean =>
    name.toLowerCase().includes(wanted) || OPERATOR_GROUPS.get(name)!.operators.some((op) => op.toLowerCase() === wanted);
  const lost = only?.find((wanted) => !names.some((name) => finds(wanted, name)));
  if (lost !== undefined) throw new InputError(`no operator '${lost}'; there are: ${names.join('; ')}`);
  return names.filter((name) => only === undefined || only.some((wanted) => finds(wanted, name)));
}

async function runOperators(options: OperatorCommand): Promise<boolean> {
  const machine = loadMachine(options.machine);
  const chosen = chooseGroups(options.only);
  const model = options.rtl ? buildModel(machine) : undefined;
  const lockstep: LockstepOptions = { stress: options.stress };
  const rows: string[][] = [];
  let equal = true;
  for (const name of chosen) {
    const started = performance.now();
    const tally: OperatorTally = await runOperator(OPERATOR_GROUPS.get(name)!, {
      machine,
      model,
      count: options.number,
      seed: options.seed,
      isLarge: options.large,
      frames: options.frames,
      lockstep,
      onRefusal: (seed, reason) => {
        if (options.refused) say(`${name}, seed ${seed}, refused: ${reason}`);
      },
    });
    for (const { seed, text, program, result } of tally.differences) {
      equal = false;
      if (program && result) report(`${name}, seed ${seed}`, program, result, options, lockstep);
      else say(`${name}, seed ${seed}: ${text}`);
    }
    const { graphs, layers, words, cycles, refused, lastSeed, differences } = tally;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(`${name}: ${graphs} graphs of seeds ${options.seed} to ${lastSeed}, ${differences.length} differences, ${seconds} s`);
    rows.push([name, ...[graphs, layers, words, cycles, refused, differences.length].map(String)]);
  }
  const total = Array.from({ length: 6 }, (_, i) => String(rows.reduce((sum, row) => sum + Number(row[i + 1]), 0)));
  const figures = ['graphs', 'layers', 'words', 'cycles', 'refused draws', 'differences'].map((title) => ({ title }));
  say(renderTable([{ title: 'operator', align: 'left' }, ...figures], [...rows, ['total', ...total]]));
  say(
    options.rtl
      ? 'reference = simulator (words), simulator = RTL (DRAM, events, cycles, counters)'
      : 'reference = simulator (words); no RTL',
  );
  return equal;
}

async function runNetworks(
  names: readonly string[],
  options: CommonOptions & { readonly scope: Scope; readonly size?: number; readonly trained?: boolean },
): Promise<boolean> {
  const machine = loadMachine(options.machine);
  const model = options.trained ? await buildTrainedModel(machine) : buildModel(machine);
  let equal = true;
  for (const name of names) {
    const lockstep = { stress: options.stress, checks: 'bounds' as const };
    const started = performance.now();
    const results = await runNetwork(model, openNetwork(name, options.scope, options.size), { machine, scope: options.scope, lockstep });
    for (const [part, result] of results.entries()) {
      const label = results.length > 1 ? `${path.basename(name)}, part ${part + 1} of ${results.length}` : path.basename(name);
      if (!report(label, result.expected.program, result, options, lockstep)) equal = false;
    }
    say(`  ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  return equal;
}

function runPrograms(files: readonly string[], options: CommonOptions): boolean {
  let equal = true;
  for (const file of files) {
    const bytes = readInputFile(file);
    if (!isProgramFile(bytes)) throw new InputError(`${file} is no program`);
    const program = readProgram(bytes, file);
    const lockstep = { stress: options.stress };
    const result = runLockstep(buildModel(program.machine), program, lockstep);
    if (!report(file, program, result, options, lockstep)) equal = false;
  }
  return equal;
}

function runFaults(options: RandomOptions): boolean {
  const machine: Machine = loadMachine(options.machine);
  const model = buildModel(machine);
  const faults = [...directedFaults(machine), ...Array.from({ length: options.number }, (_, i) => randomFault(machine, options.seed + i))];
  const causes = new Map<string, number>();
  let wrong = 0;
  for (const fault of faults) {
    const { findings, result } = runFault(model, fault);
    causes.set(result.cause, (causes.get(result.cause) ?? 0) + 1);
    if (findings.length === 0) continue;
    wrong++;
    say(`${fault.name}:`);
    for (const text of findings.slice(0, SHOWN_DIFFERENCES)) say(`  ${text}`);
  }
  say(
    `${faults.length} faults, ${wrong} of them not as documented; causes: ${[...causes].map(([cause, n]) => `${cause} ${n}`).join(', ')}`,
  );
  return wrong === 0;
}

function commonOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-m, --machine <preset|file>', `the machine (${Object.keys(PRESETS).join(', ')} or a JSON file)`).default('xc7z045'),
    )
    .addOption(new Option('--stress <seed>', 'random latencies and back-pressure: only bits are compared').argParser(count))
    .option('--wave <file>', 'write an FST waveform around the first difference')
    .addOption(new Option('--wave-cycles <first:last>', 'of a program or network: write these cycles, equal or not').argParser(cycleRange));
}

function seededOptions(command: Command, number: number): Command {
  return commonOptions(command)
    .addOption(new Option('-n, --number <n>', 'how many').argParser(count).default(number))
    .addOption(new Option('--seed <n>', 'the first seed').argParser(count).default(1));
}

const program = new Command('lockstep').description(
  'simulator against Verilated RTL: final DRAM, event log with every cycle, total cycles, performance counters',
);
const finish = (equal: boolean): void => {
  if (!equal) process.exitCode = 1;
};
seededOptions(program.command('random').description('random programs of every unit; a failing one is made small'), 100)
  .option('--no-shrink', 'leave it as it is')
  .action((options: RandomOptions) => finish(runRandom(options)));
seededOptions(program.command('layers').description('random networks of one to four layers, compiled'), 50)
  .option('--large', 'layers of several tiles')
  .action((options: RandomOptions & { large?: boolean }) => finish(runLayers(options)));
seededOptions(program.command('operators').description('random small graphs of every accelerated operator, in groups, compiled'), 60)
  .addOption(
    new Option('--only <names>', "operators or parts of a group's name, with commas between").argParser((text) =>
      text.split(',').map((name) => name.trim().toLowerCase()),
    ),
  )
  .option('--large', 'graphs of several tiles')
  .addOption(new Option('--frames <n>', 'frames that a program computes together').argParser(count).default(1))
  .option('--no-rtl', 'compare reference and simulator alone')
  .option('--refused', 'say why draws are refused')
  .action(async (options: OperatorCommand) => finish(await runOperators(options)));
commonOptions(
  program.command('network').description('one frame through networks').argument('<name|file...>', 'built-in models or ONNX files'),
)
  .addOption(new Option('--scope <scope>').choices(SCOPES).default('network'))
  .addOption(new Option('--size <n>', 'rows and columns of the input image, for built-in models of any size').argParser(count))
  .option('--trained', 'the model compiled for a profile: twice as long to build, a tenth faster')
  .action(async (names: string[], options: CommonOptions & { scope: Scope; size?: number; trained?: boolean }) =>
    finish(await runNetworks(names, options)),
  );
commonOptions(program.command('program').description('program files; inputs are zeros').argument('<file...>')).action(
  (files: string[], options: CommonOptions) => finish(runPrograms(files, options)),
);
seededOptions(program.command('faults').description('documented faults, and random programs with flipped bits'), 50).action(
  (options: RandomOptions) => finish(runFaults(options)),
);

program.hook('preAction', (_, command) => {
  const { wave, waveCycles } = command.opts<CommonOptions>();
  if (waveCycles !== undefined && wave === undefined)
    throw new InputError('--wave-cycles needs --wave FILE: the waveform that these cycles go into');
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof InputError) && !(error instanceof JobError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
