/** `snowflake run`: one frame through a network. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import {
  type CompiledModel,
  checkWritableFolder,
  createReferenceDevice,
  createRtlDevice,
  createSimulatorDevice,
  type Device,
  fileNameOf,
  formatCount,
  formatNumber,
  InputError,
  type ModelRun,
  makeFolder,
  modelOfProgram,
  type NamedTensors,
  type RunnableModel,
  readInputFile,
  runModel,
  type Tensor,
  timingsOf,
  toNumbers,
  writeFileAtomic,
  writeNpy,
} from '../../index.ts';
import { compileFrame, type FrameOptions } from '../frame.ts';
import { loadInputs } from '../inputs.ts';
import { note, print, printHeading, printJson } from '../io.ts';
import { MODEL_ARGUMENT, openProgram, refuseCompileOptions } from '../network.ts';
import {
  calibrateOption,
  type DeviceName,
  deviceOption,
  hostOption,
  imageOptions,
  imageOptionsOf,
  jsonOption,
  machineOption,
  numbersOption,
  parsePositive,
  seedOption,
  shapeOption,
} from '../options.ts';
import { type Progress, startProgress } from '../progress.ts';

interface RunOptions extends FrameOptions {
  readonly output?: string;
  readonly device: DeviceName;
  readonly labels?: string;
  readonly top: number;
  readonly json?: boolean;
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('run one frame through a network and show or save its outputs')
    .argument('<model>', `${MODEL_ARGUMENT}, or a program file`)
    .option('-i, --input <NAME=FILE...>', 'input tensors: .npy, ONNX .pb, JPEG or PNG; a bare FILE where the model has one input')
    .option('-o, --output <dir>', 'save each output as DIR/NAME.npy')
    .addOption(deviceOption(['simulator', 'reference', 'rtl']))
    .addOption(machineOption())
    .addOption(shapeOption())
    .addOption(calibrateOption())
    .addOption(numbersOption())
    .addOption(hostOption())
    .option('--labels <file>', 'class names, one a line: print the best classes')
    .addOption(new Option('--top <k>', 'how many classes').argParser(parsePositive).default(5))
    .addOption(seedOption('random input, standard normal, from this seed'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  snowflake run mnist.onnx --input digit.npy --output out
  snowflake run resnet.onnx -i data=cat.jpg --fit crop --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --labels classes.txt
  snowflake run alexnet --seed 7
  snowflake run net.sfp --input x.npy

A program file knows its machine and its binary points: --machine, --shape, --numbers, --calibrate and --no-host are for networks.`,
    );
  for (const option of imageOptions()) command.addOption(option);
  return command.action(async (argument: string, options: RunOptions) => {
    if (options.output !== undefined) checkWritableFolder(options.output);
    const labels = options.labels === undefined ? undefined : readLabels(options.labels);
    const progress = startProgress(`run ${argument}`);
    const { model, device, inputs, clockHz } = await prepareRun(argument, options, command, progress).finally(progress.stop);
    const run = await runModel(model, device, [inputs]).finally(progress.stop);
    if (options.output !== undefined) saveOutputs(options.output, run.outputs[0]);
    if (run.saturatedInputs > 0) {
      note(`${run.saturatedInputs} input values lie beyond the calibrated range and were cut off; give better --calibrate files`);
    }
    const host = model.parts.flatMap((part) => (part.where === 'host' ? part.host.nodes : []));
    const finished = { run, outputs: run.outputs[0], host, labels, top: options.top, clockHz };
    if (options.json) printRunJson(finished);
    else printRun(finished);
  });
}

interface PreparedRun {
  readonly model: RunnableModel;
  readonly device: Device;
  readonly inputs: NamedTensors;
  readonly clockHz: number;
}

/** A program file brings its machine and its binary points; a model is compiled here. */
async function prepareRun(argument: string, options: RunOptions, command: Command, progress: Progress): Promise<PreparedRun> {
  const program = openProgram(argument);
  if (program) {
    refuseCompileOptions(argument, command);
    if (options.device === 'reference')
      throw new InputError(`${argument}: a program file runs on the simulator or the RTL; the reference needs the model`);
    const model = modelOfProgram(program);
    const inputs = await loadInputs(model.graph, options.input ?? [], { seed: options.seed, image: imageOptionsOf(options) });
    const device = options.device === 'rtl' ? createRtlDevice(program) : createSimulatorDevice(program, { timing: true });
    return { model, device, inputs, clockHz: program.machine.clockHz };
  }
  const { machine, model, inputs } = await compileFrame(argument, options, progress);
  return { model, device: openDevice(options.device, model, progress), inputs, clockHz: machine.clockHz };
}

function openDevice(name: DeviceName, model: CompiledModel, progress: Progress): Device {
  if (name === 'reference') return createReferenceDevice(model.integerGraphs, { progress: progress.update });
  return name === 'rtl' ? createRtlDevice(model.programs) : createSimulatorDevice(model.programs, { timing: true });
}

function readLabels(path: string): string[] {
  const labels = Buffer.from(readInputFile(path)).toString('utf8').split(/\r?\n/);
  if (labels.at(-1) === '') labels.pop();
  if (labels.length === 0) throw new InputError(`${path}: no labels in it`);
  return labels;
}

function saveOutputs(folder: string, outputs: ReadonlyMap<string, Tensor>): void {
  makeFolder(folder);
  for (const [name, tensor] of outputs) writeFileAtomic(join(folder, `${fileNameOf(name)}.npy`), writeNpy(tensor));
}

interface RankedClass {
  readonly index: number;
  readonly label: string | undefined;
  readonly value: number;
}

/** The greatest values of an output, best first; of equal ones the first. */
function rankClasses(tensor: Tensor, labels: readonly string[] | undefined, top: number): RankedClass[] {
  return toNumbers(tensor)
    .map((value, index): RankedClass => ({ index, label: labels?.[index], value }))
    .sort((a, b) => b.value - a.value || a.index - b.index)
    .slice(0, top);
}

function summarize(tensor: Tensor): { min: number; max: number; mean: number } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  const values = toNumbers(tensor);
  for (const v of values) {
    min = Math.min(min, v);
    max = Math.max(max, v);
    sum += v;
  }
  return { min, max, mean: sum / values.length };
}

/** An output whose greatest elements are worth naming: a vector of scores. */
function isScores(tensor: Tensor): boolean {
  const long = tensor.dims.filter((d) => d > 1);
  return tensor.dtype === 'float32' && long.length === 1;
}

interface FinishedRun {
  readonly run: ModelRun;
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Names of the nodes that ran on the host. */
  readonly host: readonly string[];
  readonly labels: readonly string[] | undefined;
  /** How many classes to print. */
  readonly top: number;
  readonly clockHz: number;
}

function printRun({ run, outputs, host, labels, top, clockHz }: FinishedRun): void {
  for (const [name, tensor] of outputs) {
    printHeading(`${name}: ${tensor.dtype} ${tensor.dims.join('×')}`);
    if (tensor.dtype === 'string') continue;
    const { min, max, mean } = summarize(tensor);
    print(`  min ${formatNumber(min, 4)}, max ${formatNumber(max, 4)}, mean ${formatNumber(mean, 4)}`);
    if (!isScores(tensor)) continue;
    for (const { index, label, value } of rankClasses(tensor, labels, top))
      print(`  ${formatNumber(value, 4)}  ${index}${label ? ` ${label}` : ''}`);
  }
  const cycles = totalCycles(run);
  if (cycles > 0) {
    const parts = run.device.length > 1 ? `, ${run.device.length} parts` : '';
    print(`${formatCount(cycles)} cycles, ${formatNumber((1000 * cycles) / clockHz)} ms on the accelerator${parts}`);
  }
  if (host.length > 0) print(`on the host: ${host.length} node(s), ${formatNumber(1000 * run.hostSeconds)} ms here`);
}

/** Cycles of all parts; 0 where the device measures none. */
function totalCycles(run: ModelRun): number {
  return timingsOf(run).reduce((sum, timing) => sum + timing.cycles, 0);
}

function printRunJson({ run, outputs, host, labels, top, clockHz }: FinishedRun): void {
  printJson({
    outputs: [...outputs].map(([name, tensor]) => ({
      name,
      dtype: tensor.dtype,
      dims: tensor.dims,
      ...(tensor.dtype === 'string' ? {} : summarize(tensor)),
      ...(isScores(tensor) ? { top: rankClasses(tensor, labels, top) } : {}),
    })),
    saturatedInputs: run.saturatedInputs,
    hostNodes: host,
    ...(host.length > 0 ? { hostSeconds: run.hostSeconds } : {}),
    acceleratorParts: run.device.length,
    ...(totalCycles(run) > 0 ? { cycles: totalCycles(run), seconds: totalCycles(run) / clockHz } : {}),
  });
}
