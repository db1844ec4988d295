/** `snowflake check`: where each node of a network runs and what to expect of it, without running it. */
import { Command } from 'commander';
import {
  type CheckedNode,
  checkModel,
  formatCount,
  formatNumber,
  formatPercent,
  InputError,
  loadMachine,
  type ModelCheck,
  renderTable,
  type Scope,
} from '../../index.ts';
import { loadSamples } from '../inputs.ts';
import { print, printHeading, printJson } from '../io.ts';
import { MODEL_ARGUMENT, openNetwork } from '../network.ts';
import { batchOption, calibrateOption, hostOption, jsonOption, machineOption, type Shapes, scopeOption, shapeOption } from '../options.ts';

interface CheckCommandOptions {
  readonly machine: string;
  readonly shape?: Shapes;
  readonly scope: Scope;
  readonly batch: number;
  readonly calibrate?: string[];
  readonly host: boolean;
  readonly json?: boolean;
}

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'show where each node of a network runs: on the accelerator (how), folded into another one, on the host (why, at what cost) or nowhere (what to do); ' +
        'and the frames a second to expect, from the cost model',
    )
    .argument('<model>', MODEL_ARGUMENT)
    .addOption(machineOption())
    .addOption(shapeOption())
    .addOption(scopeOption().default('network'))
    .addOption(batchOption())
    .addOption(calibrateOption())
    .addOption(hostOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  snowflake check yolo.onnx --shape images=1,3,416,416
  snowflake check resnet50 --json

Times on the host are rough estimates for the chip's two ARM cores. Exit code 2: a node can run nowhere (or, with --no-host, not on the accelerator).`,
    )
    .action(async (argument: string, { machine, scope, batch: frames, host: allowHost, ...options }: CheckCommandOptions) => {
      const { name, graph } = openNetwork(argument, options);
      const samples = await loadSamples(graph, options.calibrate, {});
      const check = await checkModel(graph, { name, machine: loadMachine(machine), scope, frames, allowHost, samples });
      if (options.json) printJson(check);
      else printCheck(check);
      const { refused } = check.totals.nodes;
      if (refused > 0) throw new InputError(`${name}: ${refused === 1 ? '1 node' : `${refused} nodes`} can not run`);
    });
}

const milliseconds = (seconds: number): string => `${formatNumber(1000 * seconds)} ms`;

function printCheck(check: ModelCheck): void {
  const left = (title: string) => ({ title, align: 'left' as const });
  print(
    renderTable(
      [left('node'), left('operator'), left('where'), { title: 'part' }, { title: 'M MACs' }, { title: 'cost' }, left('how')],
      joinWrittenOut(check.nodes.filter((node) => node.part !== undefined)).map((node) => [
        node.node,
        node.op,
        node.where,
        node.part === undefined ? '' : `${node.part + 1}`,
        node.macs > 0 ? formatNumber(node.macs / 1e6) : '',
        describeCost(node),
        describeHow(node),
      ]),
    ),
  );
  const gone = check.nodes.filter((node) => node.part === undefined);
  if (gone.length > 0)
    print(`and ${gone.length} nodes that are gone before anything runs: constants, shape arithmetic, padding (--json lists them)`);
  print();
  if (check.parts.length > 1) {
    printHeading('parts, in the order of execution');
    print(
      renderTable(
        [
          { title: 'part' },
          left('where'),
          { title: 'nodes' },
          { title: 'M MACs' },
          { title: 'transfers' },
          { title: 'elements' },
          { title: 'time' },
        ],
        check.parts.map((part, index) => [
          `${index + 1}`,
          part.where,
          `${part.nodes}`,
          formatNumber(part.macs / 1e6),
          part.transfers > 0 ? `${part.transfers}` : '',
          part.transfers > 0 ? formatCount(part.transferElements) : '',
          `${part.where === 'host' ? '≈ ' : ''}${milliseconds(part.seconds)}`,
        ]),
      ),
    );
    print();
  }
  printTotals(check);
}

/** One line for all that a recurrent node was written out into, and one for each of it that is not accelerated. */
function joinWrittenOut(nodes: readonly CheckedNode[]): CheckedNode[] {
  const groups = new Map<string, CheckedNode[]>();
  for (const node of nodes) if (isJoined(node)) groups.set(node.of!, [...(groups.get(node.of!) ?? []), node]);
  return nodes.flatMap((node): CheckedNode[] => {
    if (!isJoined(node)) return [node];
    const members = groups.get(node.of!)!;
    if (members[0] !== node) return [];
    const sum = (value: (member: CheckedNode) => number): number => members.reduce((total, member) => total + value(member), 0);
    return [
      {
        node: node.of!,
        op: 'recurrent',
        where: 'accelerated',
        how: `position by position, written out into ${members.length} nodes (--json lists them)`,
        part: node.part,
        macs: sum((member) => member.macs),
        predictedCycles: sum((member) => member.predictedCycles ?? 0),
      },
    ];
  });
}

function isJoined({ of, where }: CheckedNode): boolean {
  return of !== undefined && (where === 'accelerated' || where === 'folded');
}

function describeCost(node: CheckedNode): string {
  if (node.hostSeconds !== undefined) return `≈ ${milliseconds(node.hostSeconds)}`;
  return node.predictedCycles ? formatCount(node.predictedCycles) : '';
}

function describeHow(node: CheckedNode): string {
  const lanes = node.lanes === undefined ? '' : `; ${node.lanes} ${node.lanes === 1 ? 'lane' : 'lanes'} an output`;
  const schedule = node.schedule === undefined ? '' : `; ${node.schedule}`;
  return `${node.how}${lanes}${schedule}${node.remedy === undefined ? '' : `: ${node.remedy}`}`;
}

function printTotals({ totals, machine, parts }: ModelCheck): void {
  const { accelerated, folded, host, refused } = totals.nodes;
  const lost = refused > 0 ? `, ${refused} refused` : '';
  print(`${accelerated} nodes on the accelerator, ${folded} folded into others, ${host} on the host${lost}`);
  print(`${formatPercent(totals.acceleratedShare)} of ${formatNumber(totals.macs / 1e6)} M MACs accelerated`);
  const cuts = parts.filter((part) => part.where === 'accelerator').length;
  print(
    `${cuts} part(s) on the accelerator, ${totals.transfers} values between it and the host, ${formatCount(totals.transferElements)} elements a frame`,
  );
  if (totals.predictedFps === null || totals.predictedGbps === null) return;
  print(
    `predicted on machine ${machine}: ${formatNumber(totals.predictedFps, 4)} FPS of the accelerator's parts, ${formatNumber(totals.predictedGbps)} GB/s`,
  );
  if (totals.hostSeconds > 0) print(`estimated for the host's parts: ${milliseconds(totals.hostSeconds)} a frame`);
}
