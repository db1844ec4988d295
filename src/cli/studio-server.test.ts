import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStudioServer } from './studio-server.ts';

let folder: string;
let server: Server;
let port: number;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'snowflake-server-'));
  mkdirSync(join(folder, 'site', 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'site', 'index.html'), '<p>page</p>');
  writeFileSync(join(folder, 'site', 'assets', 'a.js'), '1;');
  server = createStudioServer(join(folder, 'site'), { name: 'a b.onnx', bytes: Uint8Array.of(1, 2, 3) });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as { port: number }).port;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** The path goes out as it is written: fetch would tidy it up. */
function get(path: string, options: { method?: string; host?: string } = {}): Promise<{ status: number; type?: string; body: string }> {
  const { method = 'GET', host = `127.0.0.1:${port}` } = options;
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, method, headers: { Host: host } }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('latin1');
      });
      response.on('end', () => resolve({ status: response.statusCode!, type: response.headers['content-type'], body }));
    })
      .on('error', reject)
      .end();
  });
}

describe('createStudioServer', () => {
  it('serves the site with the types that browsers insist on', async () => {
    expect(await get('/')).toMatchObject({ status: 200, type: 'text/html; charset=utf-8', body: '<p>page</p>' });
    expect(await get('/assets/a.js?x')).toMatchObject({ status: 200, type: 'text/javascript; charset=utf-8' });
    expect(await get('/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  it('serves the one model that was given', async () => {
    expect(await get('/open/a%20b.onnx')).toMatchObject({ status: 200, body: '\u0001\u0002\u0003' });
    expect((await get('/open/other.onnx')).status).toBe(404);
  });

  it.each(['/../secret.txt', '/%2e%2e/secret.txt', '/assets/../../secret.txt', '//etc/passwd', '/%', '/assets'])(
    'refuses %s',
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  it('answers to no other name and to no other method', async () => {
    expect((await get('/', { host: 'example.org' })).status).toBe(403);
    expect((await get('/', { host: 'localhost:1' })).status).toBe(200);
    expect((await get('/', { method: 'POST' })).status).toBe(405);
  });
});
