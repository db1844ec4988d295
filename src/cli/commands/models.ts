/** `snowflake models`: the built-in networks. */
import { Command } from 'commander';
import { MODELS, renderTable } from '../../index.ts';
import { print, printJson } from '../io.ts';
import { jsonOption } from '../options.ts';

export function modelsCommand(): Command {
  return new Command('models')
    .description('list the built-in networks: their topology with seeded weights')
    .addOption(jsonOption())
    .action((options: { json?: boolean }) => {
      const models = Object.entries(MODELS).map(([name, { title, paper }]) => ({ name, title, paper }));
      if (options.json) return printJson(models);
      const rows = models.map(({ name, title, paper }) => [name, title, paper ? `${paper.fps} FPS (${paper.source})` : '–']);
      print(
        renderTable(
          [
            { title: 'name', align: 'left' },
            { title: 'network', align: 'left' },
            { title: 'published, convolutions', align: 'left' },
          ],
          rows,
        ),
      );
    });
}
