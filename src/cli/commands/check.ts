/** `snowflake check`: where each node of a network runs, without running it. */
import { Command } from 'commander';
import { lowerGraph, renderTable } from '../../index.ts';
import { print, printJson } from '../io.ts';
import { MODEL_ARGUMENT, openNetwork } from '../network.ts';
import { jsonOption, type Shapes, shapeOption } from '../options.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('show where each node of a network runs: on the accelerator, folded into another node, or on the host, and why')
    .argument('<model>', MODEL_ARGUMENT)
    .addOption(shapeOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  snowflake check yolo.onnx --shape images=1,3,416,416')
    .action((argument: string, options: { shape?: Shapes; json?: boolean }) => {
      const { placement } = lowerGraph(openNetwork(argument, options).graph);
      if (options.json) return printJson(placement);
      const columns = ['node', 'operator', 'where', 'how'].map((title) => ({ title, align: 'left' as const }));
      print(
        renderTable(
          columns,
          placement.map(({ node, op, where, how }) => [node, op, where, how]),
        ),
      );
      const count = (where: string): number => placement.filter((p) => p.where === where).length;
      print(`\n${count('accelerated')} nodes on the accelerator, ${count('folded')} folded into others, ${count('host')} on the host`);
    });
}
