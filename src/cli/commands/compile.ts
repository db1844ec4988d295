/** `snowflake compile`: a network to a program file. */
import { join, parse } from 'node:path';
import { Command } from 'commander';
import {
  checkWritableFile,
  compileModel,
  hostParts,
  type ImageOptions,
  InputError,
  loadMachine,
  type NumberMode,
  type Scope,
  writeFileAtomic,
  writeProgram,
} from '../../index.ts';
import { loadSamples } from '../inputs.ts';
import { note } from '../io.ts';
import { MODEL_ARGUMENT, openNetwork } from '../network.ts';
import {
  batchOption,
  calibrateOption,
  hostOption,
  imageOptions,
  imageOptionsOf,
  machineOption,
  numbersOption,
  type Shapes,
  scopeOption,
  shapeOption,
} from '../options.ts';
import { startProgress } from '../progress.ts';

interface CompileOptions extends ImageOptions {
  readonly output: string;
  readonly machine: string;
  readonly shape?: Shapes;
  readonly scope: Scope;
  readonly numbers: NumberMode;
  readonly batch: number;
  readonly calibrate?: string[];
  readonly host: boolean;
}

/** Where a network alternates between accelerator and host, each part is a program: net.sfp, net.2.sfp, … */
function partPath(path: string, index: number): string {
  if (index === 0) return path;
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${index + 1}${ext}`);
}

export function compileCommand(): Command {
  const command = new Command('compile')
    .description('compile a network into a program file: instructions, weights, memory plan, machine, source map')
    .argument('<model>', MODEL_ARGUMENT)
    .requiredOption('-o, --output <file>', 'the program file; further parts become NAME.2.EXT, …')
    .addOption(machineOption())
    .addOption(shapeOption())
    .addOption(scopeOption().default('network'))
    .addOption(batchOption())
    .addOption(calibrateOption())
    .addOption(numbersOption())
    .addOption(hostOption())
    .addHelpText(
      'after',
      '\nExamples:\n  snowflake compile net.onnx -o net.sfp --calibrate photos/*.jpg --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225\n  snowflake compile alexnet -o alexnet.sfp --machine half-bandwidth.json',
    );
  for (const option of imageOptions()) command.addOption(option);
  return command.action(async (argument: string, options: CompileOptions) => {
    checkWritableFile(options.output);
    const machine = loadMachine(options.machine);
    const network = openNetwork(argument, options);
    const samples = await loadSamples(network.graph, options.calibrate, imageOptionsOf(options));
    const progress = startProgress(`compile ${network.name}`);
    const started = performance.now();
    const { scope, numbers, batch: frames } = options;
    const { programs, lowered } = await compileModel(network.graph, {
      name: network.name,
      machine,
      scope,
      numbers,
      frames,
      samples,
      allowHost: options.host,
      progress: progress.update,
    }).finally(progress.stop);
    if (programs.length === 0) throw new InputError(`${network.name}: nothing of it runs on the accelerator, so there is no program`);
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    for (const [index, program] of programs.entries()) {
      const bytes = writeProgram(program);
      const path = partPath(options.output, index);
      writeFileAtomic(path, bytes);
      note(`${path}: ${program.instructions.length} instructions, ${program.layers.length} layers, ${bytes.length} bytes, ${seconds} s`);
    }
    for (const part of hostParts(lowered)) note(`not in the program, for the host: ${part.nodes.length} node(s): ${part.reason}`);
  });
}
