/** The static server of the studio: on loopback, for this machine only. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, sep } from 'node:path';

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
