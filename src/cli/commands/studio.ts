/** `snowflake studio`: serves the studio, a static site, on loopback. Compiler and simulator run in the page; nothing leaves this machine. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { InputError, JobError, MODELS, readInputFile } from '../../index.ts';
import { print } from '../io.ts';
import { parsePort } from '../options.ts';
import { createStudioServer } from '../studio-server.ts';

/** dist/studio, which lies beside the compiled command line; undefined when it was not built. */
function findSite(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  const site = join(folder, 'dist', 'studio');
  return existsSync(join(site, 'index.html')) ? site : undefined;
}

/** Part of the address that opens the model; the file's bytes for the server, where it is one. */
function openModel(argument: string | undefined): { readonly hash: string; readonly model?: { name: string; bytes: Uint8Array } } {
  if (argument === undefined) return { hash: '' };
  if (Object.hasOwn(MODELS, argument)) return { hash: `#net=${argument}` };
  if (!/[./\\]/.test(argument)) {
    throw new InputError(`model '${argument}': no such built-in model (there are ${Object.keys(MODELS).join(', ')}); give an .onnx file`);
  }
  const name = basename(argument);
  return { hash: `#open=${encodeURIComponent(name)}`, model: { name, bytes: readInputFile(argument) } };
}

export function studioCommand(): Command {
  return new Command('studio')
    .description('serve the studio on this machine: open its address in a browser')
    .argument('[model]', 'ONNX file or the name of a built-in model to open')
    .addOption(new Option('-p, --port <n>', 'port on 127.0.0.1; 0 takes any that is free').argParser(parsePort).default(4250))
    .addHelpText('after', '\nExample:\n  snowflake studio alexnet')
    .action(async (argument: string | undefined, { port }: { port: number }) => {
      const { hash, model } = openModel(argument);
      const site = findSite();
      if (site === undefined) throw new JobError('the studio is not built: run `npm run build:studio`');
      const server = createStudioServer(site, model);
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error: NodeJS.ErrnoException) =>
          reject(new InputError(`port ${port}: ${error.code === 'EADDRINUSE' ? 'in use; choose another with --port' : error.message}`)),
        );
        server.listen(port, '127.0.0.1', resolve);
      });
      const address = server.address();
      print(`http://127.0.0.1:${typeof address === 'object' ? address?.port : port}/${hash}`);
      process.stderr.write('Ctrl+C ends it.\n');
    });
}
