/** `snowflake bench`: the measured table. */
import { Command } from 'commander';
import {
  type BenchRow,
  compareModelBits,
  compareOutputs,
  compileModel,
  createReferenceDevice,
  createSimulatorDevice,
  type Difference,
  describeDifference,
  formatPercent,
  InputError,
  JobError,
  joinFigures,
  type LoweredModel,
  loadMachine,
  type Machine,
  macCount,
  measureLayerWork,
  measurePredictionErrors,
  type NumberMode,
  randomInputs,
  renderLayers,
  renderLostCycles,
  renderNetworks,
  renderPredictions,
  reportNetwork,
  runFloat,
  runModel,
  type Scope,
  timingsOf,
} from '../../index.ts';
import { print, printHeading, printJson } from '../io.ts';
import { MODEL_ARGUMENT, openNetwork } from '../network.ts';
import {
  batchOption,
  hostOption,
  jsonOption,
  machineOption,
  numbersOption,
  type Shapes,
  scopeOption,
  seedOption,
  shapeOption,
} from '../options.ts';
import { startProgress } from '../progress.ts';

const DEFAULT_NETWORKS = ['alexnet', 'resnet18', 'vgg16'];

interface BenchOptions {
  readonly machine: string;
  readonly shape?: Shapes;
  readonly scope: Scope;
  readonly batch: number;
  readonly numbers: NumberMode;
  readonly seed: number;
  readonly host: boolean;
  readonly explain?: boolean;
  readonly json?: boolean;
}

/** A row of the table and what only the JSON tells. */
interface BenchResult extends BenchRow {
  readonly compileSeconds: number;
  readonly simulateSeconds: number;
  /** Float parts on the host, all frames. */
  readonly hostSeconds: number;
  /** Share of the network's MACs that the accelerator does, 0 to 1, and its parts. */
  readonly acceleratedShare: number;
  readonly acceleratorParts: number;
  /** Where the bits differ, when they do. */
  readonly difference?: Difference;
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure networks: frames a second, occupancy, bandwidth, where each cycle went; bits checked against the reference')
    .argument('[model...]', `${MODEL_ARGUMENT}; default: ${DEFAULT_NETWORKS.join(' ')}`)
    .addOption(batchOption())
    .addOption(scopeOption().default('convolutions'))
    .addOption(machineOption())
    .addOption(shapeOption())
    .addOption(numbersOption())
    .addOption(hostOption())
    .addOption(seedOption('seed of the random input').default(7))
    .option('--explain', 'show the cycles that the compiler predicted for each layer beside the simulated ones')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  snowflake bench
  snowflake bench alexnet --scope network --batch 16
  snowflake bench net.onnx --machine half-bandwidth.json --json

FPS, cycles and bytes are those of the accelerator; parts on the host are timed apart. Exit code 1: bits differ from the reference.`,
    )
    .action(async (networks: string[], options: BenchOptions) => {
      const machine = loadMachine(options.machine);
      const results: BenchResult[] = [];
      for (const argument of networks.length > 0 ? networks : DEFAULT_NETWORKS)
        results.push(await benchNetwork(argument, machine, options));
      if (options.json) printJson({ machine, networks: results });
      else printResults(results, machine, options.explain === true);
      const wrong = results.find((result) => result.difference);
      if (wrong?.difference)
        throw new JobError(`${wrong.network}: the simulator differs from the reference: ${describeDifference(wrong.difference)}`);
    });
}

async function benchNetwork(argument: string, machine: Machine, options: BenchOptions): Promise<BenchResult> {
  const { scope, batch, numbers, seed, host: allowHost } = options;
  const { name, graph, paper } = openNetwork(argument, options);
  const progress = startProgress(name);
  try {
    const started = performance.now();
    const model = await compileModel(graph, { name, machine, scope, frames: batch, numbers, allowHost, progress: progress.update });
    if (model.programs.length === 0)
      throw new InputError(`${name}: nothing of it runs on the accelerator, so there is nothing to measure (\`snowflake check\` says why)`);
    const compileSeconds = (performance.now() - started) / 1000;
    const inputs = Array.from({ length: batch }, (_, frame) => randomInputs(model.graph, seed + frame));
    const simulated = await runModel(model, createSimulatorDevice(model.programs, { timing: true }), inputs);
    const reference = createReferenceDevice(model.integerGraphs, { frames: batch, progress: progress.update });
    const bits = await compareModelBits(model.integerGraphs, reference, simulated, batch);
    const accuracy = compareOutputs(await runFloat(model, inputs.slice(0, 1)), simulated.outputs);
    const timings = timingsOf(simulated);
    const figures = joinFigures(
      model.programs.map((program, i) => reportNetwork(program, timings[i], measureLayerWork(model.integerGraphs[i]))),
    );
    return {
      network: name,
      scope,
      batch,
      ...figures,
      bitExact: bits.difference === undefined,
      difference: bits.difference,
      sqnrDb: accuracy.length > 0 ? Math.min(...accuracy.map((a) => a.sqnrDb)) : null,
      compileSeconds,
      simulateSeconds: simulated.deviceSeconds,
      hostSeconds: simulated.hostSeconds,
      acceleratedShare: shareAccelerated(model.lowered),
      acceleratorParts: model.programs.length,
      paper,
    };
  } finally {
    progress.stop();
  }
}

/** Of the model's nodes, by their own count. */
function shareAccelerated({ placement }: LoweredModel): number {
  const sum = (nodes: LoweredModel['placement']): number => nodes.reduce((total, { macs }) => total + macs, 0);
  const all = sum(placement);
  return all === 0 ? 1 : 1 - sum(placement.filter(({ where }) => where === 'host')) / all;
}

function printResults(results: readonly BenchResult[], machine: Machine, explain: boolean): void {
  print(
    `machine ${machine.name}: ${macCount(machine)} MACs at ${machine.clockHz / 1e6} MHz, DRAM ${machine.dram.bytesPerSecond / 1e9} GB/s\n`,
  );
  for (const result of results) {
    printHeading(result.network);
    print(`${renderLayers(result)}\n`);
    print(`${renderLostCycles(result)}\n`);
    if (explain) print(`${renderPredictions(result.layers)}\n`);
  }
  print(renderNetworks(results));
  if (explain) {
    const all = measurePredictionErrors(results.flatMap(({ layers }) => layers));
    print(`cost model, all ${all.count} layers: mean error ${formatPercent(all.mean)}, weighted by cycles ${formatPercent(all.weighted)}`);
  }
  for (const { network, paper } of results) if (paper) print(`paper, ${network}: ${paper.source}`);
  for (const r of results) {
    const host = r.hostSeconds > 0.0005 ? `, host parts ${(1000 * r.hostSeconds).toFixed(0)} ms` : '';
    print(
      `${r.network}: compiled in ${r.compileSeconds.toFixed(2)} s, ${r.batch} frame(s) simulated in ${r.simulateSeconds.toFixed(2)} s${host}`,
    );
  }
}
