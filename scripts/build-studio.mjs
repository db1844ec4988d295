// Builds the studio into dist/studio: a static site that any web server can host, nothing in it names another host.
// `--serve` starts the development server on loopback instead.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, createServer } from 'vite';
import { writeSpecification } from './studio-spec.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Built here, then moved: whoever serves the old site meanwhile never sees half of the new one. */
const fresh = join(root, `dist.studio.${process.pid}`);
const target = join(root, 'dist', 'studio');

const config = {
  root: join(root, 'studio'),
  base: './',
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  worker: { format: 'es' },
  build: {
    outDir: fresh,
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
  },
};

if (process.argv.includes('--serve')) {
  const server = await createServer({ ...config, server: { host: '127.0.0.1' } });
  await server.listen();
  server.printUrls();
} else {
  try {
    await build(config);
    writeSpecification(root, join(fresh, 'spec'));
    rmSync(target, { recursive: true, force: true });
    if (!existsSync(join(root, 'dist'))) throw new Error('build the package first: npm run build');
    renameSync(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
