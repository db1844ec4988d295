// Builds dist/: TypeScript to JavaScript (imports rewritten to .js), other files that the program reads copied beside it,
// the command line made executable. Plain JavaScript, because it runs before anything is compiled (npm's `prepare`).
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
/** Built here, then moved: a build that fails leaves the last one in place. */
const fresh = join(root, `dist.${process.pid}`);
const SOURCES = ['src', 'models'];
/** Sources of the SIMD kernels: compiled by a command of their own, their output is committed. */
const SKIPPED = [join('src', 'kernels', 'assembly')];

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
try {
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh], { stdio: 'inherit', cwd: root });
} catch {
  rmSync(fresh, { recursive: true, force: true });
  console.error('build: the TypeScript compiler reported errors (above)');
  process.exit(1);
}
for (const folder of SOURCES) {
  const path = join(root, folder);
  if (existsSync(path)) cpSync(path, join(fresh, folder), { recursive: true, filter: isCopied });
}
removeEmptyFolders(fresh);
chmodSync(join(fresh, 'src', 'cli', 'main.js'), 0o755);
// The studio has a build of its own (build-studio.mjs); it lies in dist/ too, and stays.
const studio = join(dist, 'studio');
if (existsSync(studio)) renameSync(studio, join(fresh, 'studio'));
rmSync(dist, { recursive: true, force: true });
renameSync(fresh, dist);

/** Everything that is neither TypeScript (types of generated JavaScript are) nor a kernel's source. */
function isCopied(path) {
  if (SKIPPED.includes(relative(root, path))) return false;
  return statSync(path).isDirectory() || !path.endsWith('.ts') || path.endsWith('.d.ts');
}

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    removeEmptyFolders(path);
    if (readdirSync(path).length === 0) rmSync(path, { recursive: true });
  }
}
