/**
 * Checks the import table of the source folders: which folder may import which, so that e.g. the compiler never learns its costs
 * from the simulator. Prints violations as file:line and exits with 1. Unit tests beside the files (`*.test.ts`,
 * `*.test-util.ts`) may import anything, as test/ may.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

interface Rule {
  /** Folders of src/ that may be imported, besides its own. */
  readonly imports: readonly string[];
  /** Folders of which only types may be imported. */
  readonly types?: readonly string[];
}

/** The table. `index` and `browser` are src/index.ts and src/browser.ts; `models`, `studio` and `scripts` lie beside src/. */
const LAYERS: Readonly<Record<string, Rule>> = {
  util: { imports: [] },
  machine: { imports: ['util'] },
  isa: { imports: ['util'] },
  graph: { imports: ['util'] },
  program: { imports: ['isa', 'machine', 'util'] },
  reference: { imports: ['graph', 'util'] },
  compiler: { imports: ['graph', 'isa', 'machine', 'program', 'util'] },
  kernels: { imports: [] },
  simulator: { imports: ['isa', 'machine', 'program', 'kernels', 'util'] },
  runtime: { imports: ['graph', 'isa', 'machine', 'program', 'reference', 'compiler', 'simulator', 'kernels', 'util'] },
  report: { imports: ['machine', 'program', 'util'], types: ['simulator'] },
  browser: {
    imports: ['util', 'machine', 'isa', 'graph', 'program', 'reference', 'compiler', 'simulator', 'kernels', 'runtime', 'report', 'models'],
  },
  index: { imports: ['browser', 'util', 'machine', 'isa', 'graph', 'program', 'compiler', 'simulator', 'runtime', 'report', 'models'] },
  cli: { imports: ['index'] },
  studio: { imports: ['browser'] },
  models: { imports: ['graph', 'util'] },
  scripts: {
    imports: [
      'index',
      'cli',
      'browser',
      'util',
      'machine',
      'isa',
      'graph',
      'program',
      'reference',
      'compiler',
      'simulator',
      'kernels',
      'runtime',
      'report',
      'models',
    ],
  },
};

/** Folders of src/compiler/backend/, first to last: each may import those before it (docs/compiler.md). */
const BACKEND = ['stages', 'tasks', 'layout', 'mac', 'vec', 'chain', 'flow', 'relay', 'cell', 'schedule', 'emit', 'predict'];

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
}

/** `import … from`, `export … from` at the start of a line (never inside a comment), bare imports, and import() expressions. */
const PATTERNS = [
  /^[ \t]*(?:import|export)\b(?<what>[^'";]*?)\bfrom\s*['"](?<specifier>[^'"]+)['"]/gm,
  /^[ \t]*import\s*['"](?<specifier>[^'"]+)['"]/gm,
  /\bimport\(\s*['"](?<specifier>[^'"]+)['"]\s*\)/g,
];

function findImports(text: string): Import[] {
  const found: Import[] = [];
  for (const pattern of PATTERNS) {
    for (const match of text.matchAll(pattern)) {
      const what = match.groups?.what?.trim() ?? '';
      const names = /^\{(?<names>[^}]*)\}$/
        .exec(what)
        ?.groups?.names.split(',')
        .map((name) => name.trim());
      const allTypes = names?.filter((name) => name !== '').every((name) => name.startsWith('type ')) ?? false;
      const line = text.slice(0, match.index + match[0].length).split('\n').length;
      found.push({ specifier: match.groups!.specifier, line, typeOnly: /^type\b/.test(what) || allTypes });
    }
  }
  return found;
}

/** Layer of a file by its path from the project root with forward slashes; undefined when the table has none. */
function layerOf(file: string): string | undefined {
  const [top, second] = file.split('/');
  if (top !== 'src') return top in LAYERS ? top : undefined;
  if (second === 'index.ts') return 'index';
  if (second === 'browser.ts') return 'browser';
  return second in LAYERS && !['models', 'scripts', 'studio'].includes(second) && file.split('/').length > 2 ? second : undefined;
}

function findProblem(layer: string, file: string, { specifier, typeOnly }: Import): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  if (!/\.(tsx?|js|mjs|json|css)$/.test(specifier.replace(/\?\w+$/, '')))
    return `'${specifier}': a relative import ends with its extension, .ts`;
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  if (target.startsWith('..')) return `'${specifier}' leaves the project`;
  const targetLayer = layerOf(target);
  if (targetLayer === undefined) return layer === 'scripts' ? undefined : `${layer} may not import '${target}': it is in no layer`;
  const rule = LAYERS[layer];
  if (targetLayer === layer) return findBackendProblem(file, target, specifier);
  if (rule.imports.includes(targetLayer)) return undefined;
  if (rule.types?.includes(targetLayer)) return typeOnly ? undefined : `${layer} may import only types of ${targetLayer} ('${specifier}')`;
  return `${layer} may not import ${targetLayer} ('${specifier}')`;
}

/** Place of a file in `BACKEND`: behind all where it lies beside its folders (it is what calls them); undefined elsewhere, -1 in a folder not listed. */
function backendOrder(file: string): number | undefined {
  const inside = /^src\/compiler\/backend\/(?:(?<folder>[^/]+)\/)?[^/]+$/.exec(file);
  if (!inside) return undefined;
  const folder = inside.groups!.folder;
  return folder === undefined ? BACKEND.length : BACKEND.indexOf(folder);
}

function findBackendProblem(file: string, target: string, specifier: string): string | undefined {
  const from = backendOrder(file);
  if (from === undefined) return undefined;
  if (from < 0) return `no place for this folder: add it to BACKEND in scripts/check-layers.ts`;
  const to = backendOrder(target);
  return to !== undefined && to > from ? `${BACKEND[from]} comes before what '${specifier}' belongs to: it may not import it` : undefined;
}

/** What only Node has: nothing that src/browser.ts reaches may import it. */
const NODE_ONLY = /^(node:|sharp$|onnxruntime-node$)/;

/** Imports of Node's own modules in what src/browser.ts reaches. Types do not count: they are gone when it runs. */
function findNodeImports(files: ReadonlyMap<string, string>): Violation[] {
  const violations: Violation[] = [];
  const reached = new Set(['src/browser.ts']);
  for (const file of reached) {
    for (const { specifier, line, typeOnly } of findImports(files.get(file) ?? '')) {
      if (typeOnly) continue;
      if (NODE_ONLY.test(specifier)) violations.push({ file, line, problem: `'${specifier}': src/browser.ts reaches this file` });
      else if (specifier.startsWith('.')) reached.add(path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)));
    }
  }
  return violations;
}

/** Violations of the import table in files given by their path from the project root (forward slashes). */
export function findViolations(files: ReadonlyMap<string, string>): Violation[] {
  const violations: Violation[] = [];
  for (const [file, text] of files) {
    if (/\.test(-util)?\.ts$/.test(file)) continue;
    const layer = layerOf(file);
    if (layer === undefined) {
      violations.push({ file, line: 1, problem: `no layer for this file: add its folder to the table in scripts/check-layers.ts` });
      continue;
    }
    for (const found of findImports(text)) {
      const problem = findProblem(layer, file, found);
      if (problem !== undefined) violations.push({ file, line: found.line, problem });
    }
  }
  violations.push(...findNodeImports(files));
  return violations.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

/** TypeScript files under src, models, studio and scripts; AssemblyScript has its own compiler and imports only itself. */
export function readSources(root: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const top of ['src', 'models', 'studio', 'scripts']) {
    let entries: string[];
    try {
      entries = readdirSync(path.join(root, top), { recursive: true, encoding: 'utf8' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    for (const entry of entries.sort()) {
      const file = path.posix.join(top, ...entry.split(path.sep));
      if (!/\.tsx?$/.test(file) || file.startsWith('src/kernels/assembly/') || file.includes('node_modules/')) continue;
      files.set(file, readFileSync(path.join(root, file), 'utf8'));
    }
  }
  return files;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const violations = findViolations(readSources(root));
  for (const { file, line, problem } of violations) console.error(`${file}:${line}: ${problem}`);
  if (violations.length > 0) process.exitCode = 1;
}
