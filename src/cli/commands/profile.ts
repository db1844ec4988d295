/** `snowflake profile`: where every cycle and byte of a network went, as a table, a web page, a trace, CSV or JSON. */
import { Command } from 'commander';
import {
  advise,
  buildProfile,
  checkWritableFile,
  compileGraph,
  compileModel,
  doubledMachines,
  formatNumber,
  formatPercent,
  InputError,
  type IntegerGraph,
  joinProfiles,
  loadMachine,
  type Machine,
  macCount,
  measureLayerWork,
  measureProfile,
  type NetworkProfile,
  type NumberMode,
  type Program,
  profileToJson,
  renderFill,
  renderProfile,
  renderProfileCsv,
  renderReport,
  renderTrace,
  type Scope,
  timeProgram,
  type WhatIf,
  writeFileAtomic,
  writeFilePieces,
} from '../../index.ts';
import { note, print, printJson } from '../io.ts';
import { MODEL_ARGUMENT, openNetwork, openProgram, refuseCompileOptions } from '../network.ts';
import { batchOption, hostOption, jsonOption, machineOption, numbersOption, type Shapes, scopeOption, shapeOption } from '../options.ts';
import { type Progress, startProgress } from '../progress.ts';

interface ProfileOptions {
  readonly machine: string;
  readonly shape?: Shapes;
  readonly scope: Scope;
  readonly batch: number;
  readonly numbers: NumberMode;
  readonly host: boolean;
  readonly tiles?: boolean;
  readonly whatIf?: boolean;
  readonly html?: string;
  readonly trace?: string;
  readonly csv?: string;
  readonly json?: boolean;
}

/** Layers bound by their weights take at least this share of the time where more frames a run are tried, so many times more. */
const LEAST_WEIGHTS_SHARE = 0.1;
const MORE_FRAMES = 8;

/** A network's programs, and the integer graphs that they were made from: a program file has none. */
interface Subject {
  readonly name: string;
  readonly programs: readonly Program[];
  readonly integerGraphs?: readonly IntegerGraph[];
}

export function profileCommand(): Command {
  const command = new Command('profile')
    .description('show where every cycle and DRAM byte of a network went: by layer and tile, over time, as a page, a trace or CSV')
    .argument('<model>', `${MODEL_ARGUMENT}, or a program file`)
    .option('--html <file>', 'write a report: one page that needs no network')
    .option('--trace <file>', 'write a trace for Perfetto (ui.perfetto.dev) or chrome://tracing')
    .option('--csv <file>', 'write a row for each layer and tile')
    .option('--tiles', 'show each tile in the table too')
    .option('--what-if', 'compile and simulate again with twice the bandwidth, twice the buffers and twice the compute units')
    .addOption(batchOption())
    .addOption(scopeOption().default('convolutions'))
    .addOption(machineOption())
    .addOption(shapeOption())
    .addOption(numbersOption())
    .addOption(hostOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  snowflake profile alexnet
  snowflake profile resnet50 --html resnet50.html --trace resnet50.json
  snowflake profile net.sfp --csv net.csv --tiles

Cycles, bytes and causes are exact, the same as those of \`bench\`; energy is an estimate (docs/energy.md). A program file knows its machine and its batch:
--machine, --shape, --scope, --batch, --numbers and --no-host are for networks.`,
    );
  return command.action(async (argument: string, options: ProfileOptions) => {
    for (const path of [options.html, options.trace, options.csv]) if (path !== undefined) checkWritableFile(path);
    const progress = startProgress(argument);
    const { network, whatIfs } = await profileSubject(argument, options, command, progress).finally(progress.stop);
    const advice = advise(network, whatIfs);
    writeFiles(network, whatIfs, options);
    if (options.json) printJson({ ...profileToJson(network), whatIfs, advice });
    else printProfile(network, advice, options.tiles === true);
  });
}

async function profileSubject(
  argument: string,
  options: ProfileOptions,
  command: Command,
  progress: Progress,
): Promise<{ network: NetworkProfile; whatIfs: readonly WhatIf[] }> {
  const subject = await openSubject(argument, options, command, progress);
  const { programs, integerGraphs } = subject;
  const parts = programs.map((program, i) => {
    const work = integerGraphs === undefined ? undefined : measureLayerWork(integerGraphs[i]);
    return buildProfile(program, measureProfile(program), work);
  });
  const network = joinProfiles(subject.name, parts);
  const whatIfs = await tryChanges(subject, options.whatIf === true);
  if (options.whatIf && waitsForWeights(network)) whatIfs.push(...(await tryFrames(subject)));
  return { network, whatIfs };
}

async function openSubject(argument: string, options: ProfileOptions, command: Command, progress: Progress): Promise<Subject> {
  const program = openProgram(argument);
  if (program) {
    refuseCompileOptions(argument, command);
    if (options.whatIf) throw new InputError(`${argument}: --what-if compiles again and needs the network, not its program file`);
    return { name: program.name, programs: [program] };
  }
  const machine = loadMachine(options.machine);
  const { name, graph } = openNetwork(argument, options);
  const { scope, batch: frames, numbers, host: allowHost } = options;
  const model = await compileModel(graph, { name, machine, scope, frames, numbers, allowHost, progress: progress.update });
  if (model.programs.length === 0) {
    throw new InputError(`${name}: nothing of it runs on the accelerator, so there is nothing to profile (\`snowflake check\` says why)`);
  }
  return { name, programs: model.programs, integerGraphs: model.integerGraphs };
}

/** Runs on changed machines: the same program where it can stay, and all of them compiled again where that was asked for. */
async function tryChanges({ programs, integerGraphs }: Subject, recompile: boolean): Promise<WhatIf[]> {
  const tried: WhatIf[] = [];
  for (const { what, machine, needsCompile } of doubledMachines(programs[0].machine)) {
    const again = recompile && integerGraphs !== undefined;
    if (needsCompile && !again) continue;
    const changed = programs.map((program, i) => changeProgram(program, machine, again ? integerGraphs[i] : undefined));
    let cycles = 0;
    for (const program of changed) cycles += (await timeProgram(program)).cycles;
    tried.push({ what, cycles, how: again ? 'recompiled and simulated' : 'simulated' });
  }
  return tried;
}

/** Whether more frames a run, which share each fetch of the weights, could help: the share of the time in layers bound by their weights. */
function waitsForWeights({ figures }: NetworkProfile): boolean {
  const bound = figures.layers.filter(({ boundBy }) => boundBy === 'weights').reduce((sum, { cycles }) => sum + cycles, 0);
  return bound > LEAST_WEIGHTS_SHARE * figures.cycles;
}

/** More frames a run, in cycles of as many frames as were profiled. Nothing where the machine can not hold them. */
async function tryFrames({ programs, integerGraphs }: Subject): Promise<WhatIf[]> {
  const frames = MORE_FRAMES * programs[0].frames;
  let cycles = 0;
  try {
    for (const [i, { machine, name }] of programs.entries()) {
      cycles += (await timeProgram(compileGraph(integerGraphs![i], machine, { frames, name }))).cycles / MORE_FRAMES;
    }
  } catch (error) {
    if (error instanceof InputError) return [];
    throw error;
  }
  return [{ what: `${frames} frames a run (--batch ${frames})`, cycles, how: 'recompiled and simulated' }];
}

function changeProgram(program: Program, machine: Machine, graph: IntegerGraph | undefined): Program {
  if (graph === undefined) return { ...program, machine };
  return compileGraph(graph, machine, { frames: program.frames, name: program.name });
}

function writeFiles(network: NetworkProfile, whatIfs: readonly WhatIf[], { html, trace, csv }: ProfileOptions): void {
  if (html !== undefined) writeFileAtomic(html, renderReport(network, whatIfs));
  if (trace !== undefined) {
    writeFilePieces(trace, renderTrace(network));
    note(`${trace}: open it in ui.perfetto.dev or chrome://tracing`);
  }
  if (csv !== undefined) writeFileAtomic(csv, renderProfileCsv(network));
}

function printProfile(network: NetworkProfile, advice: string, tiles: boolean): void {
  const { name, machine, figures, cycles, frames, watts, millijoules } = network;
  print(
    `${name} on ${machine.name}: ${macCount(machine)} MACs at ${machine.clockHz / 1e6} MHz, DRAM ${machine.dram.bytesPerSecond / 1e9} GB/s\n`,
  );
  print(`${renderProfile(network, { tiles })}\n`);
  print(
    `${formatNumber(figures.fps, 4)} FPS, ${formatPercent(figures.occupancy)} of the MACs busy, ${formatNumber(figures.gbps)} GB/s; ` +
      `${frames} frame(s) in ${formatNumber((1000 * cycles) / machine.clockHz)} ms`,
  );
  print(`energy (estimate): ${formatNumber(millijoules / frames)} mJ a frame, ${formatNumber(watts)} W`);
  print(renderFill(network));
  print(`what would make it faster: ${advice}`);
}
