/** `snowflake studio`: serves the studio, a static site, on loopback. Compiler and simulator run in the page; nothing leaves this machine. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { basename, dirname, extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { InputError, JobError, MODELS, readInputFile } from '../../index.ts';
import { print } from '../io.ts';
import { parseCount } from '../options.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** The page may use only what this server sends. Of its own group: so that ONNX Runtime may use threads. */
const HEADERS: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Content-Security-Policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self' blob:",
  'X-Content-Type-Options': 'nosniff',
};

/** Where a model given on the command line is found by the page. */
const MODEL_PATH = '/open/';

/** dist/studio, which lies beside the compiled command line; undefined when it was not built. */
function findSite(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  const site = join(folder, 'dist', 'studio');
  return existsSync(join(site, 'index.html')) ? site : undefined;
}

/** Files of the site by their path in an address: nothing else is ever read for a request. */
function listSite(site: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(site, { recursive: true, encoding: 'utf8' })) {
    const path = join(site, entry);
    if (statSync(path).isFile()) files.set(`/${entry.split(sep).join('/')}`, path);
  }
  files.set('/', join(site, 'index.html'));
  return files;
}

/**
 * A server of the studio's files, and of one model for the page to open.
 * @param model bytes of a model by the name under which the page asks for it
 */
export function createStudioServer(site: string, model?: { readonly name: string; readonly bytes: Uint8Array }): Server {
  let files = listSite(site);
  return createServer((request, response) => {
    // A foreign page may have its name point here: it must not read what this server sends.
    if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')) {
      response.writeHead(403, { 'Content-Type': 'text/plain' }).end('this server answers to localhost only\n');
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end();
      return;
    }
    const path = decodePath(request.url ?? '/');
    if (model && path === `${MODEL_PATH}${model.name}`) {
      response.writeHead(200, { ...HEADERS, 'Content-Type': 'application/octet-stream' }).end(model.bytes);
      return;
    }
    // A site that was built again has other names.
    if (!files.has(path)) files = listSite(site);
    const file = files.get(path);
    if (file === undefined || !existsSync(file)) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('no such file\n');
      return;
    }
    response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(request.method === 'HEAD' ? undefined : readFileSync(file));
  });
}

function decodePath(url: string): string {
  try {
    return decodeURIComponent(url.replace(/[?#].*$/, ''));
  } catch {
    return '';
  }
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
    .addOption(new Option('-p, --port <n>', 'port on 127.0.0.1; 0 takes any that is free').argParser(parseCount).default(4250))
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
